import { startService } from "../support/service.js";
import { mean, median } from "../support/statistics.js";
import type { AllocationRun } from "./allocations.js";
import type { Loads } from "./loads.js";

/** The times of allocations of a size. */
export type TimeResult = {
  readonly accounts: number;
  /** The duration of each allocation. */
  readonly seconds: readonly number[];
  readonly meanSeconds: number;
  readonly medianSeconds: number;
  /** The median time until the first charges arrive. */
  readonly medianSecondsToFirstCharges: number;
  /** Wrong responses. */
  readonly problems: readonly string[];
};

/**
 * Times allocations of all sizes in one service, in rounds, so that other load on the machine affects
 * all sizes alike.
 */
export async function measureTimes(
  folder: string,
  { allocations }: Loads,
  sizes: readonly number[],
  rounds: number,
): Promise<readonly TimeResult[]> {
  const service = await startService(folder);
  const address = service.grpcAddress;
  const allocate = (accounts: number) =>
    allocations.run({ address, accounts, minTimes: timesOf(accounts), minSeconds: 0 });
  const runs = new Map<number, AllocationRun[]>(sizes.map((accounts) => [accounts, []]));
  try {
    for (const accounts of sizes.filter((each) => each <= largestWarmUp)) await allocate(accounts);
    for (let round = 0; round < rounds; round += 1) {
      for (const [accounts, done] of runs) done.push(...(await allocate(accounts)));
    }
  } finally {
    await service.stop();
  }
  return [...runs].map(([accounts, done]) => toResult(accounts, done));
}

function toResult(accounts: number, runs: readonly AllocationRun[]): TimeResult {
  const seconds = runs.map((run) => run.seconds);
  return {
    ...{ accounts, seconds, meanSeconds: mean(seconds), medianSeconds: median(seconds) },
    medianSecondsToFirstCharges: median(runs.map((run) => run.secondsToFirstCharges)),
    problems: runs.flatMap(({ problem }) => problem ?? []),
  };
}

/** Returns the runs in a round. Small allocations run more often, because short runs vary more. */
function timesOf(accounts: number): number {
  return Math.min(maxTimes, Math.ceil(accountsTimed / accounts));
}

const accountsTimed = 200_000;
const maxTimes = 20;
const largestWarmUp = 100_000;
