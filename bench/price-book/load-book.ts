import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { PriceBookSnapshot } from "../../src/price-book/snapshot.js";
import { SnapshotBuilder } from "../../src/price-book/snapshot-builder.js";
import { answerJobs } from "../support/load-process.js";
import { toKey } from "./keys.js";

/** The number of keys in the price book. */
export type BookJob = { readonly keys: number };

/** The memory of a key and the time of a look-up. */
export type BookRun = {
  readonly bytesAKey: number;
  /** The time of a look-up of keys drawn uniformly from all keys. */
  readonly anyNanoseconds: number;
  /** The time of a look-up of 1000 keys that are looked up repeatedly. */
  readonly fewNanoseconds: number;
  readonly problem: string | undefined;
};

answerJobs<BookJob, BookRun>(async ({ keys }) => {
  const before = usedBytes();
  const builder = new SnapshotBuilder(PriceBookSnapshot.none);
  for (let i = 0; i < keys; i += 1) {
    const id = `03f36b3c-4ad8-4e4f-9f5c-${i.toString(16).padStart(12, "0")}`;
    builder.add({
      key: toKey(i),
      id,
      standing: [
        { effectiveFrom: 0, priceUnits: 10 ** 10, bookVersion: 1 },
        { effectiveFrom: 1000, priceUnits: 2 * 10 ** 10, bookVersion: 1 },
      ],
      superseded: [],
    });
  }
  const book = await builder.finish(1n, 0);
  const bytesAKey = (usedBytes() - before) / keys;
  const lookedUp = Array.from({ length: lookups }, () => toKey(Math.floor(Math.random() * keys)));
  const few = lookedUp.slice(0, 1000);
  const wrong = lookedUp.find((key) => book.priceAt(key, 999)?.price.toFixed() !== "1");
  return {
    ...{ bytesAKey, problem: wrong && `no right price for ${wrong.model}` },
    anyNanoseconds: timeLookups(book, lookedUp),
    fewNanoseconds: timeLookups(book, few),
  };
});

/** Returns the median time of a look-up in nanoseconds, over several runs. */
function timeLookups(
  book: PriceBookSnapshot,
  lookedUp: readonly ReturnType<typeof toKey>[],
): number {
  const times = Array.from({ length: 9 }, () => {
    const startedAt = performance.now();
    for (let i = 0; i < lookups; i += 1) {
      const key = lookedUp[i % lookedUp.length];
      if (key !== undefined) book.priceAt(key, 999);
    }
    return ((performance.now() - startedAt) * 1e6) / lookups;
  });
  return times.sort((a, b) => a - b)[4] ?? 0;
}

function usedBytes(): number {
  collectGarbage();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

setFlagsFromString("--expose-gc");
const collectGarbage: () => void = runInNewContext("gc");
const lookups = 200_000;
