import { totalmem } from "node:os";

/**
 * Returns the default memory for large calls in each of `processes` processes: half of what the
 * container's limit leaves when each process has what it takes by itself. Without a limit, the same
 * of the machine's memory, but at most 1 GiB: other programs use the machine, too.
 */
export function defaultOffloadMemoryBytes(
  processes: number,
  limitBytes: number | undefined = containerLimitBytes(),
): number {
  const most = limitBytes === undefined ? 2 ** 30 : maxOffloadMemoryBytes;
  const available = (limitBytes ?? totalmem()) / processes - processBytes;
  return Math.floor(Math.min(Math.max(available / 2, minOffloadMemoryBytes), most));
}

/** Returns the memory limit of the container. Without one, Linux reports more than the machine has. */
function containerLimitBytes(): number | undefined {
  const limitBytes = process.constrainedMemory() ?? 0;
  return limitBytes > 0 && limitBytes < totalmem() ? limitBytes : undefined;
}

export const minOffloadMemoryBytes = 64 * 2 ** 20;
/** The positions of the packed accounts of one allocation reach 16 GiB. */
export const maxOffloadMemoryBytes = 16 * 2 ** 30;

/** A process with a price book of 100,000 keys, one thread, and garbage that V8 leaves. */
const processBytes = 256 * 2 ** 20;
