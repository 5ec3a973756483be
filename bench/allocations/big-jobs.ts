import type { Loads } from "./loads.js";

/** Big jobs done one after another. */
export type JobsDone = {
  /** How long each took. */
  readonly seconds: readonly number[];
  /** What is wrong with their answers. */
  readonly problems: readonly string[];
};

/** Allocates to so many accounts, again and again, for a time; the last one is finished. */
export async function repeatAllocations(
  { allocations }: Loads,
  address: string,
  accounts: number,
  forSeconds: number,
): Promise<JobsDone> {
  const runs = await allocations.run({ address, accounts, minTimes: 1, minSeconds: forSeconds });
  return {
    seconds: runs.map(({ seconds }) => seconds),
    problems: runs.flatMap(({ problem }) => problem ?? []),
  };
}

/** Calculates batches, again and again, for a time; the last one is finished. */
export async function repeatBatches(
  { batches }: Loads,
  address: string,
  forSeconds: number,
): Promise<JobsDone> {
  const job = { address, lines: batchLines, minSeconds: forSeconds };
  const { seconds, linesWithout } = await batches.run(job);
  const problem = `${linesWithout} lines without a charge`;
  return { seconds, problems: linesWithout === 0 ? [] : [problem] };
}

/** As many as the service takes. */
export const batchLines = 10_000;
