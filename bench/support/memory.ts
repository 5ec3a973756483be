import { readFile, writeFile } from "node:fs/promises";
import { setInterval as ticks } from "node:timers/promises";

/** Reads the resident memory of a process in bytes (VmRSS of proc_pid_status(5)). */
export async function residentBytes(processId: number): Promise<number> {
  return readField(processId, "VmRSS");
}

/** Measures the peak resident memory of a process during `work`, in bytes. */
export async function peakBytes(processId: number, work: () => Promise<void>): Promise<number> {
  const isExact = await resetPeak(processId);
  const abort = new AbortController();
  const sampled = sampleMax(processId, abort.signal);
  // If the process ends, `work` must still be awaited.
  sampled.catch(() => {});
  try {
    await work();
    if (isExact) return await readField(processId, "VmHWM");
  } finally {
    abort.abort();
  }
  return sampled;
}

/** Resets VmHWM to VmRSS (proc_pid_clear_refs(5)). Returns false when that is not permitted. */
async function resetPeak(processId: number): Promise<boolean> {
  return writeFile(`/proc/${processId}/clear_refs`, "5").then(
    () => true,
    () => false,
  );
}

async function sampleMax(processId: number, signal: AbortSignal): Promise<number> {
  let max = await residentBytes(processId);
  try {
    for await (const _ of ticks(sampleMs, undefined, { signal })) {
      max = Math.max(max, await residentBytes(processId));
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  return max;
}

async function readField(processId: number, field: string): Promise<number> {
  const status = await readFile(`/proc/${processId}/status`, "utf8");
  const found = new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(status)?.[1];
  if (found === undefined) throw new Error(`/proc/${processId}/status has no ${field}`);
  return Number(found) * 1024;
}

const sampleMs = 25;
