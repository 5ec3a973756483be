import { totalmem } from "node:os";

/**
 * Returns the default memory for large calls in each of `processes` processes: half of what is left
 * of the container's limit, or of the machine's memory, when each process has had what it takes by
 * itself. Without a limit at most 1 GiB: other programs use the machine, too.
 */
export function defaultBulkMemoryBytes(processes: number): number {
  const constrained = process.constrainedMemory() ?? 0;
  const isLimited = constrained > 0 && constrained < totalmem();
  const available = (isLimited ? constrained : totalmem()) / processes - processBytes;
  const most = isLimited ? maxBulkMemoryBytes : maxUnlimitedBytes;
  return Math.floor(Math.min(Math.max(available / 2, minBulkMemoryBytes), most));
}

export const minBulkMemoryBytes = 64 * 2 ** 20;
/** Positions in the packed accounts of one allocation reach 16 GiB. */
export const maxBulkMemoryBytes = 16 * 2 ** 30;

const maxUnlimitedBytes = 2 ** 30;
const processBytes = 256 * 2 ** 20;
