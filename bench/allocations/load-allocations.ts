import { withClient } from "../support/calls.js";
import { answerJobs } from "../support/load-process.js";
import { type AllocationRun, type AnsweredAllocation, allocate, verify } from "./allocations.js";
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
  const answers: AnsweredAllocation[] = [];
  await withClient(address, async (client) => {
    const endsAt = performance.now() + min.minSeconds * 1000;
    while (answers.length < min.minTimes || performance.now() < endsAt) {
      answers.push(await allocate(client, encoded));
    }
  });
  return answers.map((answer) => verify(encoded, answer));
});

/** Encoded once: every size is asked for several times. */
function encodedOf(accounts: number): EncodedAllocation {
  const encoded = known.get(accounts) ?? encodeAllocation(accounts);
  known.set(accounts, encoded);
  return encoded;
}

const known = new Map<number, EncodedAllocation>();
