import { type ChildProcess, spawn } from "node:child_process";
import { open, rename, stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { type DataDirectory, SUPERUSER } from "./data-directory.js";
import type { OsUser } from "./os-user.js";
import { startParentWatchdog } from "./parent-watchdog.js";
import { FAST_SHUTDOWN_MS, HOST, toArguments } from "./postgres-settings.js";

/** The input to start PostgreSQL. A restart uses the same. */
export type ServerPlan = {
  readonly pgData: DataDirectory;
  readonly dataDir: string;
  readonly port: number;
  readonly postgres: string;
  readonly settings: Readonly<Record<string, string>>;
  readonly user: OsUser | undefined;
};

/** A running PostgreSQL. */
export type Server = {
  /** Resolves with the cause as text when the server has ended for any reason. Never rejects. */
  readonly ended: Promise<string>;
  /** Ends all sessions, stops the server and waits for its end. */
  stop(): Promise<void>;
};

const START_TIMEOUT_MS = 60_000;
const POLL_MS = 50;
const LOG_LIMIT_BYTES = 10_000_000;
const TAIL_BYTES = 2_000;

/**
 * Starts PostgreSQL as a child process. Resolves when the server accepts connections.
 *
 * @throws Error with the end of the server's log when the server does not start.
 */
export async function startServer(plan: ServerPlan): Promise<Server> {
  const path = join(plan.dataDir, "postgres.log");
  await rotate(path);
  const log = await open(path, "a+", 0o600);
  try {
    const { size: start } = await log.stat();
    const server = spawnServer(plan, log.fd);
    const failure = await Promise.race([server.ended, waitUntilReady(plan, server.ended)]);
    if (failure === undefined) return server;
    await server.stop();
    const { size: end } = await log.stat();
    const tail = Buffer.alloc(Math.min(end - start, TAIL_BYTES));
    await log.read(tail, 0, tail.length, end - tail.length);
    throw new Error(
      `PostgreSQL did not start: ${failure}. ${path} ends with:\n${tail.toString().trim()}`,
    );
  } finally {
    await log.close();
  }
}

/** Connects a client to the server. */
export async function connect(plan: ServerPlan, database: string): Promise<pg.Client> {
  const client = new pg.Client({
    host: HOST,
    port: plan.port,
    user: SUPERUSER,
    password: plan.pgData.password,
    database,
    ssl: false,
    connectionTimeoutMillis: 2_000,
  });
  client.on("error", () => undefined);
  await client.connect();
  return client;
}

function spawnServer(plan: ServerPlan, logFd: number): Server {
  const { pgData, postgres, user } = plan;
  const child = spawn(postgres, ["-D", pgData.folder, ...toArguments(plan.port, plan.settings)], {
    // In a process group of its own: Ctrl-C then reaches only this process, which stops the server
    // after the last query.
    detached: true,
    stdio: ["ignore", logFd, logFd],
    cwd: "/",
    env: { LC_ALL: "C" },
    ...(user === undefined ? {} : { uid: user.uid, gid: user.gid }),
  });
  const endWatchdog =
    child.pid === undefined ? () => undefined : startParentWatchdog(child.pid, user);
  const ended = waitForEnd(child).finally(endWatchdog);
  return { ended, stop: () => stopChild(child, ended) };
}

function waitForEnd(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once("exit", (code, signal) => resolve(signal ?? `exit code ${code}`));
    // For example ENOENT for a program of another C library (musl), or EPERM when setuid is
    // forbidden.
    child.once("error", (error) => {
      if (child.pid === undefined)
        resolve(`${error.message} (set DATABASE_URL if this cannot be helped)`);
    });
  });
}

async function stopChild(child: ChildProcess, ended: Promise<string>): Promise<void> {
  child.kill("SIGINT");
  const escalation = setTimeout(() => child.kill("SIGQUIT"), FAST_SHUTDOWN_MS);
  await ended;
  clearTimeout(escalation);
}

/**
 * Resolves with undefined once the server accepts a connection, or with the error when the server
 * rejects the password, has ended, or takes too long.
 */
async function waitUntilReady(
  plan: ServerPlan,
  ended: Promise<string>,
): Promise<string | undefined> {
  let hasEnded = false;
  void ended.then(() => {
    hasEnded = true;
  });
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (!hasEnded) {
    try {
      const client = await connect(plan, "postgres");
      await client.end();
      return undefined;
    } catch (error) {
      const { code, message } = error as { code?: string; message: string };
      // Class 28: a wrong password stays wrong. On any other error the server may still be
      // starting.
      if (code?.startsWith("28") || Date.now() > deadline) return message;
    }
    await sleep(POLL_MS);
  }
  return ended;
}

async function rotate(path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (found !== undefined && found.size > LOG_LIMIT_BYTES) await rename(path, `${path}.1`);
}
