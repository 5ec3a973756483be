import { availableParallelism } from "node:os";
import { type Read, wholeNumber } from "./reader.js";

/** What a service gives its callers at most, and how long it waits for what. */
export type Limits = ReturnType<typeof readLimits>;

/** The limits of each of so many processes. */
export function readLimits(read: Read, processes: number) {
  const limit = (name: string, whenUnset: number, min: number, max: number) =>
    read(name, String(whenUnset), ...wholeNumber(min, max));
  return {
    databasePoolSize: limit("DATABASE_POOL_SIZE", 10, 1, 1000),
    maxBookStalenessMs: limit("MAX_BOOK_STALENESS_MS", 10_000, 1, 3_600_000),
    maxCallTimeoutMs: limit("MAX_CALL_TIMEOUT_MS", 30_000, 1, 3_600_000),
    maxStreamTimeoutMs: limit("MAX_STREAM_TIMEOUT_MS", 600_000, 1, 86_400_000),
    maxBatchCalculations: limit("MAX_BATCH_CALCULATIONS", 10_000, 1, 1_000_000),
    maxAllocationAccounts: limit("MAX_ALLOCATION_ACCOUNTS", 5_000_000, 1, 100_000_000),
    maxImportRows: limit("MAX_IMPORT_ROWS", 2_000_000, 1, 100_000_000),
    bulkThreads: limit("BULK_THREADS", spareCores(processes), 1, 1000),
    drainDelayMs: limit("DRAIN_DELAY_MS", 0, 0, 600_000),
    shutdownGraceMs: limit("SHUTDOWN_GRACE_MS", 10_000, 0, 600_000),
  } as const;
}

/** One core of a process's is for the calls that are served where the doors are. */
function spareCores(processes: number): number {
  return Math.max(1, Math.floor(availableParallelism() / processes) - 1);
}
