import { execFile } from "node:child_process";
import { readFile, rm } from "node:fs/promises";
import { platform } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { FAST_SHUTDOWN_MS, OWNER_SETTING } from "./postgres-settings.js";

const run = promisify(execFile);
const GIVE_UP_MS = 20_000;
const POLL_MS = 50;
// Matches the program, and the titles of PostgreSQL's child processes: "postgres: walwriter".
const PROGRAM = /^(\S*\/)?postgres[: ]/;

/**
 * Stops a server on the data directory `folder` if the instance that started it has died.
 *
 * @throws Error when a running instance, or another program, runs the server.
 */
export async function stopStaleServer(
  folder: string,
  dataDir: string,
  log: (message: string) => void,
): Promise<void> {
  const server = await findServer(folder);
  if (server === undefined) return;
  if (server.ownerPid === undefined) {
    throw new Error(
      `a PostgreSQL that is not ours (pid ${server.pid}) runs on ${folder}; stop it first`,
    );
  }
  // Not a reused pid: the system gives a child whose parent has died another parent.
  if (server.ownerPid === server.parentPid) {
    throw new Error(
      `another instance (pid ${server.ownerPid}) holds the data folder ${dataDir}; ` +
        "stop it or set DATA_DIR to another folder",
    );
  }
  log(`stopping the PostgreSQL (pid ${server.pid}) that a killed instance left on ${folder}`);
  await stopOrphan(server.pid, folder);
}

type RunningServer = {
  readonly pid: number;
  readonly parentPid: number;
  readonly ownerPid: number | undefined;
};

async function findServer(folder: string): Promise<RunningServer | undefined> {
  const pidFile = join(folder, "postmaster.pid");
  const text = await readFile(pidFile, "utf8").catch(() => "");
  const pid = Number.parseInt(text, 10);
  if (!(pid > 0) || !isAlive(pid)) return undefined;
  const { parentPid, command } = await describeProcess(pid);
  if (command.includes(` -D ${folder} -c `)) {
    const owner = command.match(new RegExp(`${OWNER_SETTING}=(\\d+)`))?.[1];
    return { pid, parentPid, ownerPid: owner === undefined ? undefined : Number(owner) };
  }
  // After a restart of the machine or the container another process may have this pid. PostgreSQL
  // does not start then until the file is removed.
  if (!PROGRAM.test(command)) await rm(pidFile, { force: true });
  return undefined;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/**
 * Returns the parent and the command of a process. The command is empty when the process has ended.
 */
async function describeProcess(pid: number): Promise<{ parentPid: number; command: string }> {
  try {
    if (platform() === "linux") {
      const status = await readFile(`/proc/${pid}/stat`, "utf8");
      const command = await readFile(`/proc/${pid}/cmdline`, "utf8");
      // "pid (name) state ppid …", where the name may contain anything.
      const parentPid = Number(status.slice(status.lastIndexOf(")") + 2).split(" ")[1]);
      return { parentPid, command: command.replaceAll("\0", " ") };
    }
    const { stdout } = await run("/bin/ps", ["-ww", "-o", "ppid=,command=", "-p", String(pid)]);
    return { parentPid: Number.parseInt(stdout, 10), command: stdout.trim() };
  } catch {
    return { parentPid: 0, command: "" };
  }
}

async function stopOrphan(pid: number, folder: string): Promise<void> {
  const startedAt = Date.now();
  let signal: NodeJS.Signals = "SIGINT";
  process.kill(pid, signal);
  while ((await findServer(folder))?.pid === pid) {
    const elapsedMs = Date.now() - startedAt;
    if (elapsedMs > GIVE_UP_MS)
      throw new Error(`PostgreSQL (pid ${pid}) on ${folder} does not stop`);
    if (elapsedMs > FAST_SHUTDOWN_MS && signal !== "SIGQUIT") {
      signal = "SIGQUIT";
      process.kill(pid, signal);
    }
    await sleep(POLL_MS);
  }
}
