import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdtemp, open, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** The service in a process of its own, as it runs in production. */
export type BenchedService = {
  readonly processId: number;
  /** Where it answers gRPC, as host:port. */
  readonly grpcAddress: string;
  /** Where it answers Connect, as host:port. */
  readonly httpAddress: string;
  /** Where it tells its metrics. */
  readonly metricsUrl: string;
  /** Stops it as an orchestrator does, by SIGTERM, and waits for its end. */
  readonly stop: () => Promise<void>;
  /** Waits for its end, whoever ends it. */
  readonly ended: () => Promise<void>;
};

/** Makes a folder for what services keep, hands it to `work`, and removes it. */
export async function withDataFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "llmprices-bench-"));
  try {
    // Root's PostgreSQL runs as another user, who has to pass through.
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
 * Starts the service that was built, and waits until it answers. Its database is in `folder`, unless
 * `settings`, which are environment variables, name another. `program` is another build of it, and
 * `parameters` are those of the command.
 *
 * @throws Error with the end of its log when it does not.
 */
export async function startService(
  folder: string,
  settings: Readonly<Record<string, string>> = {},
  { program = "dist/src/main.js", parameters = [] }: StartOptions = {},
): Promise<BenchedService> {
  const logPath = join(folder, "service.log");
  const log = await open(logPath, "w");
  const service = spawn(process.execPath, [program, "serve", ...parameters], {
    cwd: repository,
    env: {
      ...{ ...inherited(), ...anyPorts, DATA_DIR: join(folder, "data"), LOG_LEVEL: "info" },
      ...settings,
    },
    stdio: ["ignore", "pipe", log.fd],
  });
  await log.close();
  const greeting = await readGreeting(service);
  if (greeting === undefined) {
    service.kill();
    const lines = (await readFile(logPath, "utf8")).trimEnd().split("\n");
    throw new Error(`the service did not start:\n${lines.slice(-linesShown).join("\n")}`);
  }
  return {
    processId: service.pid as number,
    grpcAddress: find(greeting, /^ *gRPC +(\S+)$/m),
    httpAddress: find(greeting, /^ *Connect, .*http:\/\/(\S+)$/m),
    metricsUrl: `${find(greeting, /(http:\S+)\/readyz/)}/metrics`,
    stop: () => stop(service),
    ended: async () => {
      if (service.exitCode === null && service.signalCode === null) await once(service, "exit");
    },
  };
}

/** What the service says when it is up; undefined when it ends before. */
async function readGreeting({ stdout }: ChildProcess): Promise<string | undefined> {
  let text = "";
  // The pipe stays open: a service whose standard output is gone may end.
  for await (const chunk of stdout?.iterator({ destroyOnReturn: false }) ?? []) {
    text += chunk;
    if (/^curl .*\n/m.test(text)) return text;
  }
  return undefined;
}

function find(greeting: string, pattern: RegExp): string {
  const found = pattern.exec(greeting)?.[1];
  if (found === undefined) throw new Error(`the greeting has no ${pattern}:\n${greeting}`);
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

/** Our environment without what would configure the service, or Node, in another way. */
function inherited(): NodeJS.ProcessEnv {
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
