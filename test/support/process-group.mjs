import { execFileSync } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";

/**
 * Kills the processes of a group that still run after `graceMs`, and waits until they have ended.
 * Returns a line for each killed process.
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

/** Returns the process id and command of each running member. Zombies do not count. */
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
