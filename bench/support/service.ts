import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdtemp, open, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { v8Flags } from "../../src/server/runtime-tuning/v8-flags.js";

/** The compiled service in its own process, as in production. */
export type BenchedService = {
  readonly processId: number;
  /** Its gRPC address, as host:port. */
  readonly grpcAddress: string;
  /** Its HTTP address, as host:port. */
  readonly httpAddress: string;
  /** The URL of its metrics. */
  readonly metricsUrl: string;
  /** Sends SIGTERM, like an orchestrator, and waits until the process exits. */
  readonly stop: () => Promise<void>;
  /** Waits until the process exits. */
  readonly ended: () => Promise<void>;
};

/** Creates a folder for the data of services, passes it to `work`, and deletes it. */
export async function withDataFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "llmprices-bench-"));
  try {
    // If this process runs as root, PostgreSQL runs as another user that must traverse the folder.
    await chmod(folder, 0o711);
    await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

export type StartOptions = {
  readonly program?: string;
  readonly parameters?: readonly string[];
};

/**
 * Starts the compiled service and waits for its startup banner. Its database is in `folder`, unless
 * the environment variables in `settings` configure another one. `program` selects another build of
 * the service. `parameters` are parameters of `serve`.
 *
 * @throws Error with the last lines of the log if the service does not start.
 */
export async function startService(
  folder: string,
  settings: Readonly<Record<string, string>> = {},
  { program = "dist/src/main.js", parameters = [] }: StartOptions = {},
): Promise<BenchedService> {
  const logPath = join(folder, "service.log");
  const log = await open(logPath, "w");
  const service = spawn(process.execPath, [...v8Flags, program, "serve", ...parameters], {
    cwd: repository,
    env: {
      ...{
        ...inheritedEnvironment(),
        ...anyPorts,
        DATA_DIR: join(folder, "data"),
        LOG_LEVEL: "info",
      },
      ...settings,
    },
    stdio: ["ignore", "pipe", log.fd],
  });
  await log.close();
  const banner = await readStartupBanner(service);
  if (banner === undefined) {
    service.kill();
    const lines = (await readFile(logPath, "utf8")).trimEnd().split("\n");
    throw new Error(`the service did not start:\n${lines.slice(-linesShown).join("\n")}`);
  }
  return {
    processId: service.pid as number,
    grpcAddress: find(banner, /^ *gRPC +(\S+)$/m),
    httpAddress: find(banner, /^ *Connect, .*https?:\/\/(\S+)$/m),
    metricsUrl: `${find(banner, /(http:\S+)\/readyz/)}/metrics`,
    stop: () => stop(service),
    ended: async () => {
      if (service.exitCode === null && service.signalCode === null) await once(service, "exit");
    },
  };
}

/** Reads the startup banner. Returns undefined if the service exits without one. */
async function readStartupBanner({ stdout }: ChildProcess): Promise<string | undefined> {
  let text = "";
  // Keep the pipe open: the service may exit when its standard output is closed.
  for await (const chunk of stdout?.iterator({ destroyOnReturn: false }) ?? []) {
    text += chunk;
    if (text.includes("/readyz, /metrics\n")) return text;
  }
  return undefined;
}

function find(banner: string, pattern: RegExp): string {
  const found = pattern.exec(banner)?.[1];
  if (found === undefined) throw new Error(`the banner has no ${pattern}:\n${banner}`);
  return found;
}

async function stop(service: ChildProcess): Promise<void> {
  if (service.exitCode !== null || service.signalCode !== null) return;
  const exit = once(service, "exit");
  service.kill("SIGTERM");
  const timer = setTimeout(() => service.kill("SIGKILL"), stopTimeoutMs);
  await exit;
  clearTimeout(timer);
}

/** Returns this process's environment without variables that configure the service or Node.js. */
function inheritedEnvironment(): NodeJS.ProcessEnv {
  const {
    DATABASE_URL: _,
    NODE_OPTIONS: __,
    BULK_THREADS: ___,
    CORS_ORIGINS: ____,
    ...rest
  } = process.env;
  return rest;
}

const repository = new URL("../..", import.meta.url);
const anyPorts = {
  GRPC_ADDR: "127.0.0.1:0",
  HTTP_ADDR: "127.0.0.1:0",
  OPS_ADDR: "127.0.0.1:0",
};
const stopTimeoutMs = 30_000;
const linesShown = 10;
