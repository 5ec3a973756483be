import { expect } from "chai";
import fc from "fast-check";
import { type Key, toKeyText } from "../../src/domain/price-key.js";
import { PriceBookSnapshot } from "../../src/price-book/snapshot.js";
import { SnapshotBuilder } from "../../src/price-book/snapshot-builder.js";
import type { TimelineRow } from "../../src/store/prices/price-book-feed.js";

/** Keys that are easily confused with each other, and the shortest and the longest keys. */
const keys: readonly Key[] = [
  ...["gpt-4o", "gpt-4o-mini", "gpt-4O", "a/b", "a", "b", "x".repeat(255), "~!@#$%^&*()"].flatMap(
    (model) =>
      ["completion", "tool"].flatMap((chargeType) =>
        ["openai", "o", "openai.com"].map((provider) => ({ chargeType, provider, model })),
      ),
  ),
  ...Array.from({ length: 200 }, (_, i) => ({
    chargeType: "c",
    provider: `p${i % 7}`,
    model: `m-${i}`,
  })),
];

const idOf = (key: Key) =>
  `00000000-0000-4000-8000-${keys.indexOf(key).toString().padStart(12, "0")}`;

const anyTimeline = fc
  .tuple(
    fc.constantFrom(...keys),
    fc.uniqueArray(fc.integer({ min: -5, max: 20 }), { maxLength: 6 }),
    fc.array(fc.oneof(fc.integer({ min: 0, max: 10 ** 13 }), fc.constant(-1)), {
      minLength: 6,
      maxLength: 6,
    }),
  )
  .map(([key, from, prices]): TimelineRow => {
    const effectiveFrom = from.toSorted((a, b) => a - b).map((step) => step * 86_400_000);
    return { key, id: idOf(key), effectiveFrom, priceUnits: prices.slice(0, from.length) };
  });

const anyVersions = fc.array(
  fc.uniqueArray(anyTimeline, { selector: ({ key }) => toKeyText(key), maxLength: 40 }),
  { minLength: 1, maxLength: 6 },
);

/** Finds the price in effect by a search of the rows. */
function expectedPrice(rows: ReadonlyMap<string, TimelineRow>, key: Key, at: number) {
  const row = rows.get(toKeyText(key));
  const index = row?.effectiveFrom.findLastIndex((from) => from <= at) ?? -1;
  const units = row?.priceUnits[index] ?? -1;
  if (row === undefined || units < 0) return undefined;
  return {
    id: row.id,
    price: String(BigInt(units)),
    effectiveFrom: row.effectiveFrom[index],
    effectiveUntil: row.effectiveFrom[index + 1],
  };
}

function priceIn(snapshot: PriceBookSnapshot, key: Key, at: number) {
  const found = snapshot.priceAt(key, at);
  return found && { ...found, price: found.price.times("1e10").toFixed() };
}

async function buildNext(base: PriceBookSnapshot, version: bigint, rows: readonly TimelineRow[]) {
  const builder = new SnapshotBuilder(base);
  for (const row of rows) builder.add(row);
  return builder.finish(version, Number(version));
}

describe("A snapshot of the price book", () => {
  it("has every key's price at every instant, also after the next one is built", async () => {
    const instants = [-6, -5, 0, 3, 3.5, 19, 20, 21].map((step) => step * 86_400_000);
    await fc.assert(
      fc.asyncProperty(anyVersions, async (versions) => {
        let snapshot = PriceBookSnapshot.none;
        let rows = new Map<string, TimelineRow>();
        const built: { snapshot: PriceBookSnapshot; rows: ReadonlyMap<string, TimelineRow> }[] = [];
        for (const [index, changed] of versions.entries()) {
          snapshot = await buildNext(snapshot, BigInt(index), changed);
          rows = new Map([...rows, ...changed.map((row) => [toKeyText(row.key), row] as const)]);
          built.push({ snapshot, rows });
        }
        for (const each of built) {
          expect(each.snapshot.count).to.equal(each.rows.size);
          for (const key of keys) {
            for (const at of instants) {
              expect(priceIn(each.snapshot, key, at)).to.deep.equal(
                expectedPrice(each.rows, key, at),
              );
            }
          }
        }
      }),
      { numRuns: 60 },
    );
  });

  it("holds a hundred thousand keys, and one with a hundred thousand revisions", async () => {
    const many = Array.from({ length: 100_000 }, (_, i) => ({
      key: { chargeType: "completion", provider: "acme", model: `model-${i}` },
      id: idOf(keys[0] as Key),
      effectiveFrom: [i],
      priceUnits: [i],
    }));
    const long = {
      key: { chargeType: "tool", provider: "acme", model: "changing" },
      id: idOf(keys[1] as Key),
      effectiveFrom: many.map((_, i) => i),
      priceUnits: many.map((_, i) => i),
    };
    const snapshot = await buildNext(PriceBookSnapshot.none, 1n, [...many, long]);
    expect(snapshot.count).to.equal(100_001);
    for (const i of [0, 1, 50_000, 99_999]) {
      expect(priceIn(snapshot, many[i]?.key as Key, 10 ** 6)?.price).to.equal(String(i));
      expect(priceIn(snapshot, long.key, i)?.price).to.equal(String(i));
    }
    expect(priceIn(snapshot, long.key, -1)).to.equal(undefined);
  });

  it("stores prices exactly, to the last digit", async () => {
    const [key] = keys as [Key];
    for (const units of [0, 1, 12_512_500_000, 9_999_999_999_999, 10_000_000_000_000]) {
      const row = { key, id: idOf(key), effectiveFrom: [0], priceUnits: [units] };
      const snapshot = await buildNext(PriceBookSnapshot.none, 1n, [row]);
      expect(priceIn(snapshot, key, 0)?.price).to.equal(String(units));
    }
  });
});
