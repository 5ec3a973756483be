import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { open, readFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { findBinaries } from "../../../src/embedded-postgres/binaries.js";
import { openDataDirectory, SUPERUSER } from "../../../src/embedded-postgres/data-directory.js";
import type { EmbeddedPostgres } from "../../../src/embedded-postgres/embedded-postgres.js";
import { ensureOsUser } from "../../../src/embedded-postgres/os-user.js";
import { startParentWatchdog } from "../../../src/embedded-postgres/parent-watchdog.js";
import { toArguments } from "../../../src/embedded-postgres/postgres-settings.js";

/** A durable PostgreSQL server that a test may kill. */
export type Postgres = {
  readonly connection: EmbeddedPostgres["connection"];
  /** Process id of the postmaster. */
  readonly processId: () => number;
  /** Sends a signal to the postmaster only. */
  readonly signal: (signal: NodeJS.Signals) => void;
  /** Suspends every process of the server until `thaw`. */
  readonly freeze: () => Promise<void>;
  readonly thaw: () => Promise<void>;
  readonly isRunning: () => boolean;
  /** Waits until the postmaster has ended. */
  readonly ended: () => Promise<void>;
  /** Starts it as an init system does: again and again, until it answers. */
  readonly start: () => Promise<void>;
  readonly stop: () => Promise<void>;
};

export type PostgresOptions = {
  /** Must exist, and PostgreSQL's OS user must be able to traverse it. */
  readonly folder: string;
  readonly environment?: Readonly<Record<string, string>>;
};

/** Creates a data directory in a folder and starts a server. Only the caller restarts it. */
export async function startPostgres(options: PostgresOptions): Promise<Postgres> {
  const { folder, environment = {} } = options;
  const log = () => undefined;
  const user = await ensureOsUser(log);
  const binaries = await findBinaries(folder, user, log);
  // Only from `start` on does it have to be durable.
  const cluster = await openDataDirectory({ dataDir: folder, binaries, user, durable: false, log });
  const port = await findFreePort();
  const args = ["-D", cluster.folder, ...toArguments(port, settings)];
  const connection = {
    ...{ host: "127.0.0.1", port, user: SUPERUSER, password: cluster.password },
    ...{ database: "llmprices", ssl: false as const },
  };

  let server: ChildProcess;
  const isRunning = () => server.exitCode === null && server.signalCode === null;
  const ended = async () => {
    if (isRunning()) await once(server, "exit");
  };
  const processId = () => server.pid as number;
  const launch = async () => {
    const file = await open(join(folder, "postgres.log"), "a", 0o600);
    server = spawn(binaries.postgres, args, {
      ...(user && { uid: user.uid, gid: user.gid }),
      detached: true,
      stdio: ["ignore", file.fd, file.fd],
      cwd: "/",
      env: { LC_ALL: "C", ...environment },
    });
    await file.close();
    // If the suite is stopped, its servers stop as well.
    server.once("exit", startParentWatchdog(processId(), user));
  };
  const start = async () => {
    for (const startedAt = performance.now(); ; ) {
      await launch();
      while (isRunning()) {
        if (await answers(connection)) return;
        await sleep(20);
      }
      // The leftovers of a killed server, or a full disk, may need time to disappear.
      if (performance.now() - startedAt > startTimeoutMs) {
        throw new Error(`PostgreSQL does not start; see ${join(folder, "postgres.log")}`);
      }
      await sleep(100);
    }
  };
  const signalAll = async (signal: NodeJS.Signals) => {
    send(processId(), signal);
    // After the postmaster: while it is stopped, it starts no more children.
    for (const id of await childrenOf(processId())) send(id, signal);
  };
  await start();
  return {
    ...{ connection, processId, isRunning, ended, start },
    signal: (signal) => send(processId(), signal),
    freeze: () => signalAll("SIGSTOP"),
    thaw: () => signalAll("SIGCONT"),
    stop: async () => {
      await signalAll("SIGCONT");
      send(processId(), "SIGQUIT");
      await ended();
    },
  };
}

/** Returns the process ids of the server's sessions and background workers. */
export async function childrenOf(processId: number): Promise<readonly number[]> {
  const path = `/proc/${processId}/task/${processId}/children`;
  const text = await readFile(path, "utf8").catch(() => "");
  return text.trim().split(" ").filter(Boolean).map(Number);
}

/** Signals a process. Does nothing if it has ended. */
export function send(processId: number, signal: NodeJS.Signals): void {
  try {
    process.kill(processId, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

async function answers(connection: Postgres["connection"]): Promise<boolean> {
  const client = new pg.Client({
    ...{ ...connection, database: "postgres" },
    connectionTimeoutMillis: 2000,
  });
  client.on("error", () => undefined);
  try {
    await client.connect();
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => undefined);
  }
}

function findFreePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, "127.0.0.1", () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === "object" && address ? address.port : 0));
    });
  });
}

// Commits are durable, as by default. The rest keeps the server small: few processes, and WAL that
// fits on a small disk.
const settings = {
  fsync: "on",
  synchronous_commit: "on",
  max_connections: "60",
  shared_buffers: "32MB",
  min_wal_size: "32MB",
  max_wal_size: "64MB",
};
const startTimeoutMs = 30_000;
