import { execFileSync } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";

/**
 * Ends the processes of a group, and waits for that; returns those that were still running after
 * `graceMs`, a line for each.
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

/** Lines of process id and command. What has ended, and nobody has asked for its exit code, is none. */
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
