import { availableParallelism } from "node:os";
import { minBytesPerAccount } from "../domain/charges/account-usages.js";
import { clampDefault, numberReader, type ReadVariable } from "./environment.js";
import {
  defaultOffloadMemoryBytes,
  maxOffloadMemoryBytes,
  minOffloadMemoryBytes,
} from "./memory.js";

/** The limits and timeouts of calls. */
export type CallLimits = ReturnType<typeof readLimits>;

/** Reads the limits of each of `processes` processes. */
export function readLimits(read: ReadVariable, processes: number) {
  const limit = numberReader(read);
  const maxStreamTimeoutMs = limit("MAX_STREAM_TIMEOUT_MS", 600_000, 1, 86_400_000);
  const idleMs = clampDefault(30_000, maxStreamTimeoutMs);
  const offloadMemoryBytes = limit(
    ...(["BULK_MEMORY_BYTES", defaultOffloadMemoryBytes(processes)] as const),
    ...([minOffloadMemoryBytes, maxOffloadMemoryBytes] as const),
  );
  const accounts = clampDefault(5_000_000, mostAccounts(offloadMemoryBytes));
  return {
    maxBookStalenessMs: limit("MAX_BOOK_STALENESS_MS", 10_000, 1, 3_600_000),
    maxCallTimeoutMs: limit("MAX_CALL_TIMEOUT_MS", 30_000, 1, 3_600_000),
    maxStreamTimeoutMs,
    streamIdleTimeoutMs: limit("STREAM_IDLE_TIMEOUT_MS", idleMs, 1, 86_400_000),
    maxCallsInFlight: limit("MAX_CALLS_IN_FLIGHT", 2000, 2, 1_000_000),
    maxMessageBytes: limit("MAX_MESSAGE_BYTES", 4 * 1024 * 1024, 1024, 256 * 1024 * 1024),
    maxBatchCalculations: limit("MAX_BATCH_CALCULATIONS", 10_000, 1, 1_000_000),
    maxAllocationAccounts: limit("MAX_ALLOCATION_ACCOUNTS", accounts, 1, 100_000_000),
    maxImportRows: limit("MAX_IMPORT_ROWS", 2_000_000, 1, 100_000_000),
    workerThreads: limit("BULK_THREADS", spareCores(processes), 1, 1000),
    offloadMemoryBytes,
    drainDelayMs: limit("DRAIN_DELAY_MS", 0, 0, 600_000),
    shutdownGraceMs: limit("SHUTDOWN_GRACE_MS", 10_000, 0, 600_000),
  } as const;
}

/** Returns how many accounts, with the shortest ids, fit into the memory of one caller. */
export function mostAccounts(offloadMemoryBytes: number | undefined): number | undefined {
  return offloadMemoryBytes && Math.floor(offloadMemoryBytes / 2 / minBytesPerAccount);
}

/** Returns the cores per process, minus one for the thread with the listeners. */
function spareCores(processes: number): number {
  return Math.max(1, Math.floor(availableParallelism() / processes) - 1);
}
