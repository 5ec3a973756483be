import { readFileSync } from "node:fs";

/** Reads the processor time of a process in seconds: utime and stime of proc_pid_stat(5). */
export function processorSeconds(processId: number): number {
  const stat = readFileSync(`/proc/${processId}/stat`, "utf8");
  // The second field, the name, is in parentheses and may contain spaces.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

/** USER_HZ, the same on every Linux that Node.js runs on. */
const ticksPerSecond = 100;
