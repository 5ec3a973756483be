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
  /**
   * The same for a request with an account and a price list, which have prices for four beginnings of other
   * names, so that the price for everyone applies.
   */
  readonly missingNanoseconds: number;
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
  const withPatterns = await addPatterns(book);
  const lookedUp = Array.from({ length: lookups }, () => toKey(Math.floor(Math.random() * keys)));
  const few = lookedUp.slice(0, 1000);
  const wrong = lookedUp.find(
    (key) =>
      book.priceAt(key, 999)?.price.toFixed() !== "1" ||
      withPatterns.priceAt({ ...key, accountId: "acme" }, 999)?.price.toFixed() !== "1",
  );
  return {
    ...{ bytesAKey, problem: wrong && `no right price for ${wrong.model}` },
    anyNanoseconds: timeLookups(book, lookedUp),
    fewNanoseconds: timeLookups(book, few),
    missingNanoseconds: timeLookups(withPatterns, few.map(toRequest)),
  };
});

/** Adds prices for an account and a price list: two patterns each for every provider. */
async function addPatterns(book: PriceBookSnapshot): Promise<PriceBookSnapshot> {
  const builder = new SnapshotBuilder(book);
  const audiences = [
    { accountId: "acme", priceList: "" },
    { accountId: "", priceList: "gold" },
  ];
  for (let provider = 0; provider < 150; provider += 1) {
    for (const [i, audience] of audiences.entries()) {
      for (const [j, model] of ["other*", "another-name*"].entries()) {
        const number = (4 * provider + 2 * i + j).toString(16).padStart(12, "0");
        builder.add({
          key: { ...audience, chargeType: "completion", provider: `provider-${provider}`, model },
          id: `03f36b3c-4ad8-4e4f-9f5d-${number}`,
          standing: [{ effectiveFrom: 0, priceUnits: 3 * 10 ** 10, bookVersion: 2 }],
          superseded: [],
        });
      }
    }
  }
  return builder.finish(2n, 0);
}

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

/** Not by spread: V8 reads properties of such copies more slowly than those of parsed requests. */
function toRequest({ chargeType, provider, model }: ReturnType<typeof toKey>) {
  return { accountId: "acme", priceList: "gold", chargeType, provider, model };
}

function usedBytes(): number {
  collectGarbage();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

setFlagsFromString("--expose-gc");
const collectGarbage: () => void = runInNewContext("gc");
const lookups = 200_000;
