import { readFileSync } from "node:fs";

/** The processor time that a process has used, in seconds: utime and stime of proc_pid_stat(5). */
export function processorSeconds(processId: number): number {
  const stat = readFileSync(`/proc/${processId}/stat`, "utf8");
  // The second field, the name, is in brackets and may have spaces.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

/** USER_HZ, the same on every Linux that Node runs on. */
const ticksPerSecond = 100;
