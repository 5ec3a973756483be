import { execFile } from "node:child_process";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import pg from "pg";
import type { Environment } from "../environment/environment.js";
import type { Fault } from "./fault.js";

/** PostgreSQL on a small disk that something else fills. */
export const diskFaults: readonly Fault[] = [
  {
    name: "disk-full",
    what: "disk full for 4 s, then no room for WAL",
    times: 1,
    affects: "writes",
    options: { prepare: mountSmallDisk },
    strike: async (environment) => {
      const ballast = join(environment.dataFolder, "ballast");
      // Connect first: a new session writes files.
      const session = new pg.Client(environment.postgres.connection);
      session.on("error", () => undefined);
      await session.connect();
      await fill(ballast);
      // Files cannot grow: statements fail.
      await sleep(4000);
      // No new WAL segment can be created: the server stops itself.
      await endWithoutRoom(environment, session, ballast);
      await session.end();
      await rm(ballast);
      await startUnlessRunning(environment);
    },
  },
];

/** Writes until the disk is full. */
async function fill(ballast: string): Promise<void> {
  const command = `cat /dev/zero >> '${ballast}'`;
  await promisify(execFile)("sh", ["-c", command]).catch((error: Error) => {
    if (!/No space left/.test(error.message)) throw error;
  });
}

async function endWithoutRoom({ postgres }: Environment, session: pg.Client, ballast: string) {
  for (let tries = 0; tries < 40 && postgres.isRunning(); tries += 1) {
    await fill(ballast);
    await session.query("select pg_switch_wal()").catch(() => undefined);
    await sleep(100);
  }
}

/** Starts the server if it has ended, or ends while it is asked. */
async function startUnlessRunning({ postgres, query }: Environment): Promise<void> {
  const isAnswered = () =>
    query("select 1").then(
      () => true,
      () => false,
    );
  while (!(await isAnswered())) {
    if (!postgres.isRunning()) await postgres.start();
    await sleep(100);
  }
}

/** Mounts a small disk. Returns a function that unmounts it. */
async function mountSmallDisk(folder: string): Promise<() => Promise<unknown>> {
  const run = promisify(execFile);
  const size = `size=${diskMegabytes}m,mode=0711`;
  await run("mount", ["-t", "tmpfs", "-o", size, "tmpfs", folder]).catch((cause: Error) => {
    throw new Error(`a small disk needs mount(8), and root: ${cause.message}`, { cause });
  });
  return () => run("umount", [folder]);
}

const diskMegabytes = 256;
