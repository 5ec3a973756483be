import { type ChildProcess, spawn } from "node:child_process";
import { open, rename, stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { type DataDirectory, SUPERUSER } from "./data-directory.js";
import type { OsUser } from "./os-user.js";
import { startParentWatchdog } from "./parent-watchdog.js";
import { HOST, toArguments } from "./postgres-settings.js";

/** What it takes to run PostgreSQL on a cluster, again and again. */
export type ServerPlan = {
  readonly cluster: DataDirectory;
  readonly dataDir: string;
  readonly port: number;
  readonly postgres: string;
  readonly settings: Readonly<Record<string, string>>;
  readonly user: OsUser | undefined;
};

/** A running PostgreSQL. */
export type Server = {
  /** Resolves with the cause, in words, when it has ended for whatever reason. Never rejects. */
  readonly ended: Promise<string>;
  /** Ends all sessions and stops the server, waits for it. */
  stop(): Promise<void>;
};

const START_TIMEOUT_MS = 60_000;
const POLL_MS = 50;
const FAST_SHUTDOWN_MS = 10_000;
const LOG_LIMIT_BYTES = 10_000_000;
const TAIL_BYTES = 2_000;

/**
 * Starts PostgreSQL as our child and resolves when it answers.
 * @throws Error with the end of the server's log when it does not.
 */
export async function startServer(plan: ServerPlan): Promise<Server> {
  const path = join(plan.dataDir, "postgres.log");
  await rotate(path);
  const log = await open(path, "a+", 0o600);
  try {
    const { size: start } = await log.stat();
    const server = spawnServer(plan, log.fd);
    const failure = await Promise.race([server.ended, failureToAnswer(plan, server.ended)]);
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

/** A client of the server, connected. */
export async function connect(plan: ServerPlan, database: string): Promise<pg.Client> {
  const client = new pg.Client({
    host: HOST,
    port: plan.port,
    user: SUPERUSER,
    password: plan.cluster.password,
    database,
    ssl: false,
    connectionTimeoutMillis: 2_000,
  });
  client.on("error", () => undefined);
  await client.connect();
  return client;
}

function spawnServer(plan: ServerPlan, logFd: number): Server {
  const { cluster, postgres, user } = plan;
  const child = spawn(postgres, ["-D", cluster.folder, ...toArguments(plan.port, plan.settings)], {
    // Outside our process group, so that Ctrl-C reaches us alone and we end it after the last query.
    detached: true,
    stdio: ["ignore", logFd, logFd],
    cwd: "/",
    env: { LC_ALL: "C" },
    ...(user === undefined ? {} : { uid: user.uid, gid: user.gid }),
  });
  const unwatch = child.pid === undefined ? () => undefined : startParentWatchdog(child.pid, user);
  const ended = endOf(child).finally(unwatch);
  return { ended, stop: () => stopChild(child, ended) };
}

function endOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once("exit", (code, signal) => resolve(signal ?? `exit code ${code}`));
    // Such as ENOENT for a program of another C library (musl), or EPERM for a user we may not become.
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

/** Undefined as soon as the server answers; what it says when it refuses us or takes too long. */
async function failureToAnswer(
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
      // A wrong password stays wrong; everything else may be a server that is still starting.
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
