import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { PriceBookSnapshot } from "../../src/price-book/snapshot.js";
import { SnapshotBuilder } from "../../src/price-book/snapshot-builder.js";
import { answerJobs } from "../support/load-process.js";
import { toKey } from "./keys.js";

/** How many keys the book has. */
export type BookJob = { readonly keys: number };

/** The memory of a key and the time of a look-up. */
export type BookRun = {
  readonly bytesAKey: number;
  /** With keys drawn evenly from all. */
  readonly anyNanoseconds: number;
  /** With a thousand keys that are looked up repeatedly. */
  readonly fewNanoseconds: number;
  readonly problem: string | undefined;
};

answerJobs<BookJob, BookRun>(async ({ keys }) => {
  const before = usedBytes();
  const draft = new SnapshotBuilder(PriceBookSnapshot.none);
  for (let i = 0; i < keys; i += 1) {
    const id = `03f36b3c-4ad8-4e4f-9f5c-${i.toString(16).padStart(12, "0")}`;
    draft.add({
      key: toKey(i),
      id,
      effectiveFrom: [0, 1000],
      priceUnits: [10 ** 10, 2 * 10 ** 10],
    });
  }
  const book = await draft.finish(1n, 0);
  const bytesAKey = (usedBytes() - before) / keys;
  const asked = Array.from({ length: askedKeys }, () => toKey(Math.floor(Math.random() * keys)));
  const few = asked.slice(0, 1000);
  const wrong = asked.find((key) => book.priceAt(key, 999)?.price.toFixed() !== "1");
  return {
    ...{ bytesAKey, problem: wrong && `no right price for ${wrong.model}` },
    anyNanoseconds: timeLookups(book, asked),
    fewNanoseconds: timeLookups(book, few),
  };
});

/** Returns the time of a look-up, the median of several runs. */
function timeLookups(book: PriceBookSnapshot, asked: readonly ReturnType<typeof toKey>[]): number {
  const times = Array.from({ length: 9 }, () => {
    const startedAt = performance.now();
    for (let i = 0; i < askedKeys; i += 1) {
      const key = asked[i % asked.length];
      if (key !== undefined) book.priceAt(key, 999);
    }
    return ((performance.now() - startedAt) * 1e6) / askedKeys;
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
const askedKeys = 200_000;
