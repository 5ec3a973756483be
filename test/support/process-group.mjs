import { execFileSync } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";

/**
 * Waits up to `graceMs` for the processes of a group to end, then kills the rest. Returns a line for
 * each process that it had to kill.
 */
export async function endGroup(group, graceMs = 0) {
  const deadline = Date.now() + graceMs;
  while (membersOf(group).length > 0 && Date.now() < deadline) await sleep(100);
  const left = membersOf(group);
  while (membersOf(group).length > 0) {
    process.kill(-group, "SIGKILL");
    await sleep(50);
  }
  return left;
}

/** Returns a line, process id and command, for each process of a group that is not a zombie. */
function membersOf(group) {
  if (!exists(group)) return [];
  const columns = ["-o", "pgid=", "-o", "stat=", "-o", "pid=", "-o", "command="];
  const lines = execFileSync("ps", ["-A", "-ww", ...columns], { encoding: "utf8" }).split("\n");
  const pattern = new RegExp(`^ *${group} +[^Z ]\\S* +(.*)$`);
  return lines.flatMap((line) => pattern.exec(line)?.[1] ?? []);
}

function exists(group) {
  try {
    return process.kill(-group, 0);
  } catch {
    return false;
  }
}
