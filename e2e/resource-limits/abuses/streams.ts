import {
  PricingService,
  UpdateLLMPriceRequestSchema,
  WatchLLMPriceChangesRequestSchema,
} from "../../../src/gen/llmprices/v1/pricing_service_pb.js";
import { pathOf } from "../../../src/server/threads/offloaded-methods.js";
import { byKey } from "../../../test/support/prices.js";
import type { Abuse } from "../abuse.js";
import { repeatCalls, repeatStreams, repeatWatches } from "../abuser/grpc-calls.js";
import { accounts, allocationTerms, encode, importTerms, key, rows } from "../abuser/messages.js";

const { streamAllocateCharges, importLLMPrices, updateLLMPrice, watchLLMPriceChanges } =
  PricingService.method;

/** Streams that occupy the service and do not end. */
export const streamAbuses: readonly Abuse[] = [
  {
    name: "idle-streams",
    what: "allocations and imports as streams that send their terms and then nothing",
    run: (context) =>
      Promise.all([
        repeatStreams(context, calculateStreams(200), pathOf(streamAllocateCharges), () => [
          allocationTerms,
        ]),
        repeatStreams(context, manageStreams(100), pathOf(importLLMPrices), () => [importTerms]),
      ]),
  },
  {
    name: "watches",
    what: "watches of changes, which stay open, and writes that all of them see",
    run: (context) => {
      const path = pathOf(watchLLMPriceChanges);
      const watch = (afterBookVersion: bigint) =>
        encode(WatchLLMPriceChangesRequestSchema, { afterBookVersion });
      const lookup = byKey(key);
      return Promise.all([
        // The first version has all keys.
        repeatWatches(context, calculateStreams(20), path, watch(0n)),
        repeatWatches(context, calculateStreams(400), path, watch(1n)),
        repeatCalls(context, manageStreams(2), (i) => ({
          method: updateLLMPrice,
          message: encode(UpdateLLMPriceRequestSchema, { lookup, price: `1.${(i % 1000) + 1}1` }),
        })),
      ]);
    },
  },
  {
    name: "uploads",
    what: "streams that upload 320,000 accounts with long names, or 200,000 rows, and then stop",
    run: (context) => {
      const long = lazily(20, (i) => accounts(i * 16_000, 16_000, 250));
      const short = lazily(20, (i) => accounts(i * 50_000, 50_000, 8));
      const imported = lazily(20, (i) => rows(i * 10_000, 10_000));
      return Promise.all([
        repeatStreams(context, calculateStreams(20), pathOf(streamAllocateCharges), () =>
          following(allocationTerms, long),
        ),
        repeatStreams(context, calculateStreams(20), pathOf(streamAllocateCharges), () =>
          following(allocationTerms, short),
        ),
        repeatStreams(context, manageStreams(10), pathOf(importLLMPrices), () =>
          following(importTerms, imported),
        ),
      ]);
    },
  },
];

function calculateStreams(concurrency: number) {
  return { role: "calculate", connections: 4, concurrency } as const;
}

function manageStreams(concurrency: number) {
  return { role: "manage", connections: 2, concurrency } as const;
}

function* following(first: Buffer, parts: Iterable<Buffer>): Generator<Buffer> {
  yield first;
  yield* parts;
}

/** Encodes each part when it is first needed, and keeps it for the next stream. */
function lazily(count: number, encode: (index: number) => Buffer): Iterable<Buffer> {
  const parts: Buffer[] = [];
  return {
    *[Symbol.iterator]() {
      for (let i = 0; i < count; i += 1) {
        parts[i] ??= encode(i);
        yield parts[i] as Buffer;
      }
    },
  };
}
