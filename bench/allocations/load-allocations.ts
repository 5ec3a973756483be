import { withClient } from "../support/calls.js";
import { answerJobs } from "../support/load-process.js";
import { type AllocationRun, allocate, type EncodedRun, verify } from "./allocations.js";
import { type EncodedAllocation, encodeAllocation } from "./usages.js";

/** Allocates to a number of accounts, in sequence, a minimum number of times and of seconds. */
export type AllocationsJob = {
  readonly address: string;
  readonly accounts: number;
  readonly minTimes: number;
  readonly minSeconds: number;
};

answerJobs(async ({ address, accounts, ...min }: AllocationsJob): Promise<AllocationRun[]> => {
  const encoded = encodedOf(accounts);
  const runs: EncodedRun[] = [];
  await withClient(address, async (client) => {
    const endsAt = performance.now() + min.minSeconds * 1000;
    while (runs.length < min.minTimes || performance.now() < endsAt) {
      runs.push(await allocate(client, encoded));
    }
  });
  return runs.map((run) => verify(encoded, run));
});

/** Returns the messages of a size. Encodes each size once, because jobs repeat sizes. */
function encodedOf(accounts: number): EncodedAllocation {
  const encoded = known.get(accounts) ?? encodeAllocation(accounts);
  known.set(accounts, encoded);
  return encoded;
}

const known = new Map<number, EncodedAllocation>();
