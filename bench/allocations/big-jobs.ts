import type { Loads } from "./loads.js";

/** The results of big jobs that ran in sequence. */
export type JobsDone = {
  /** How long each took. */
  readonly seconds: readonly number[];
  /** Wrong responses. */
  readonly problems: readonly string[];
};

/** Repeats allocations for `forSeconds`, and completes the last one. */
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

/** Repeats batches for `forSeconds`, and completes the last one. */
export async function repeatBatches(
  { batches }: Loads,
  address: string,
  forSeconds: number,
): Promise<JobsDone> {
  const job = { address, lines: batchLines, minSeconds: forSeconds };
  const { seconds, linesWithoutCharge } = await batches.run(job);
  const problem = `${linesWithoutCharge} lines without a charge`;
  return { seconds, problems: linesWithoutCharge === 0 ? [] : [problem] };
}

/** The largest batch that the service accepts. */
export const batchLines = 10_000;
