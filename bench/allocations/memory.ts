import { peakBytes, residentBytes } from "../support/memory.js";
import { startService } from "../support/service.js";
import type { AllocationRun } from "./allocations.js";
import type { Loads } from "./loads.js";

/** The peak resident memory of allocations of a size, beyond the idle process. */
export type MemoryResult = {
  readonly accounts: number;
  /** Resident memory of the idle process. */
  readonly idleBytes: number;
  /** During a first allocation. */
  readonly firstBytes: number;
  /** During several in sequence: memory that one allocation leaves allocated counts for the next. */
  readonly repeatedBytes: number;
  /** Wrong responses. */
  readonly problems: readonly string[];
};

/**
 * Measures allocations of a size in a new service, so that memory of other sizes does not count. The
 * process counts as idle after small allocations have warmed it up.
 */
export async function measureMemory(
  folder: string,
  { allocations }: Loads,
  accounts: number,
): Promise<MemoryResult> {
  const { processId, grpcAddress: address, stop } = await startService(folder);
  const runs: AllocationRun[] = [];
  const allocate = async (minTimes: number) => {
    runs.push(...(await allocations.run({ address, accounts, minTimes, minSeconds: 0 })));
  };
  try {
    await allocations.run({ address, accounts: smallest, minTimes: warmUps, minSeconds: 0 });
    const idleBytes = await residentBytes(processId);
    const first = await peakBytes(processId, () => allocate(1));
    const repeated = await peakBytes(processId, () => allocate(repetitions));
    return {
      ...{ accounts, idleBytes, firstBytes: first - idleBytes },
      repeatedBytes: Math.max(first, repeated) - idleBytes,
      problems: runs.flatMap(({ problem }) => problem ?? []),
    };
  } finally {
    await stop();
  }
}

/** How many allocations follow the first one. */
export const repetitions = 3;

const smallest = 1000;
const warmUps = 60;
