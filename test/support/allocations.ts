import type { MessageInitShape } from "@bufbuild/protobuf";
import type {
  AccountCharge,
  AllocationTotals,
  AllocationUsageSchema,
} from "../../src/gen/llmprices/v1/allocation_pb.js";
import type {
  StreamAllocateChargesRequestSchema,
  StreamAllocateChargesResponse,
} from "../../src/gen/llmprices/v1/pricing_service_pb.js";

/** One account's usage, in the form of requests. */
export type TestUsage = MessageInitShape<typeof AllocationUsageSchema> & {
  readonly accountId: string;
  readonly usage: string;
};

/** One message of a stream, in the form of requests. */
export type TestMessage = MessageInitShape<typeof StreamAllocateChargesRequestSchema>;

/** Converts usages by account to the form of requests, in the same order. */
export function usagesOf(usages: Readonly<Record<string, string>>): TestUsage[] {
  return Object.entries(usages).map(([accountId, usage]) => ({ accountId, usage }));
}

/** Returns the account and the charge of each entry, in the order of the response. */
export function chargesOf(charges: readonly AccountCharge[]): [string, string][] {
  return charges.map(({ accountId, accountCharge }) => [accountId, accountCharge]);
}

/** Sums charges in units of 10^-scale. */
export function sumOf(charges: readonly AccountCharge[]): bigint {
  return charges.reduce((sum, { accountCharge }) => sum + unitsOf(accountCharge), 0n);
}

/** Converts a decimal with all digits of its scale to units of 10^-scale. */
export function unitsOf(text: string): bigint {
  return BigInt(text.replace(".", ""));
}

/** Returns a generator (mulberry32) of whole numbers below a bound. Equal seeds, equal numbers. */
export function pseudoRandom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

/** Returns usages of many accounts, always the same ones. About a tenth of them are 0. */
export function manyUsages(count: number): TestUsage[] {
  const random = pseudoRandom(count);
  return Array.from({ length: count }, (_, i) => ({
    accountId: `account-${i}`,
    usage: random(10) === 0 ? "0" : `${random(1000)}.${String(random(10 ** 9)).padStart(9, "0")}`,
  }));
}

/** Yields terms and usages as the messages of a stream, `size` usages in each. */
export function* messagesOf(
  terms: TestMessage["terms"],
  usages: readonly TestUsage[],
  size: number,
): Generator<TestMessage> {
  yield { ...(terms && { terms }), accountUsages: usages.slice(0, size) };
  for (let from = size; from < usages.length; from += size) {
    yield { accountUsages: usages.slice(from, from + size) };
  }
}

/** All messages of a response stream, and their combined content. */
export type StreamAnswer = {
  readonly accountCharges: AccountCharge[];
  readonly totals?: AllocationTotals | undefined;
  readonly messages: readonly StreamAllocateChargesResponse[];
};

/** Collects the messages of a response stream. */
export async function answerOf(
  stream: AsyncIterable<StreamAllocateChargesResponse>,
): Promise<StreamAnswer> {
  const messages: StreamAllocateChargesResponse[] = [];
  for await (const message of stream) messages.push(message);
  return {
    accountCharges: messages.flatMap(({ accountCharges }) => accountCharges),
    totals: messages.findLast(({ totals }) => totals !== undefined)?.totals,
    messages,
  };
}

/** A stream of requests that stays open after its messages until `end` is called. */
export type OpenRequests<T = TestMessage> = AsyncIterable<T> & { readonly end: () => void };

export function openRequests<T = TestMessage>(messages: Iterable<T>): OpenRequests<T> {
  let end = () => {};
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  const send = async function* () {
    yield* messages;
    await ended;
  };
  return Object.assign(send(), { end });
}
