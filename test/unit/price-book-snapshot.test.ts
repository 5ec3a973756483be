import { isDeepStrictEqual } from "node:util";
import { expect } from "chai";
import fc from "fast-check";
import { everyone, type Key, toKeyText } from "../../src/domain/price-key.js";
import { PriceBookSnapshot } from "../../src/price-book/snapshot.js";
import { SnapshotBuilder } from "../../src/price-book/snapshot-builder.js";
import type { TimelineRow } from "../../src/store/timelines/price-book-feed.js";
import { samples } from "../support/properties.js";
import { saidIn, toTimelineRow, type WrittenRevision } from "../support/written-revisions.js";

/** Keys that are easily confused with each other, and the shortest and the longest keys. */
const keys: readonly Key[] = [
  ...["gpt-4o", "gpt-4o-mini", "gpt-4O", "a/b", "a", "b", "x".repeat(255), "~!@#$%^&*()"].flatMap(
    (model) =>
      ["completion", "tool"].flatMap((chargeType) =>
        ["openai", "o", "openai.com"].map((provider) => ({
          ...everyone,
          chargeType,
          provider,
          model,
        })),
      ),
  ),
  ...Array.from({ length: 200 }, (_, i) => ({
    ...everyone,
    chargeType: "c",
    provider: `p${i % 7}`,
    model: `m-${i}`,
  })),
];

const idOf = (key: Key) =>
  `00000000-0000-4000-8000-${keys.indexOf(key).toString().padStart(12, "0")}`;

/** What one version of the book does to a key: it takes revisions back, and writes others. */
const anyChange = fc.record({
  key: fc.constantFrom(...keys),
  takesBack: fc.uniqueArray(fc.integer({ min: -5, max: 20 }), { maxLength: 3 }),
  writes: fc.dictionary(
    fc.integer({ min: -5, max: 20 }).map(String),
    fc.oneof(fc.integer({ min: 0, max: 10 ** 13 }), fc.constant(-1)),
    { maxKeys: 4, noNullPrototype: true },
  ),
});

const anyVersions = fc.array(
  fc.uniqueArray(anyChange, { selector: ({ key }) => toKeyText(key), maxLength: 40 }),
  { minLength: 1, maxLength: 8 },
);

/** Applies a version's changes to the history of a key. */
function changed(
  history: readonly WrittenRevision[],
  { takesBack, writes }: { takesBack: readonly number[]; writes: Record<string, number> },
  bookVersion: number,
): WrittenRevision[] {
  const starts = [...takesBack, ...Object.keys(writes).map(Number)].map((step) => step * day);
  const kept = history.map((each) =>
    each.supersededIn === Number.POSITIVE_INFINITY && starts.includes(each.effectiveFrom)
      ? { ...each, supersededIn: bookVersion }
      : each,
  );
  const written = Object.entries(writes).map(([step, priceUnits]) => ({
    ...{ effectiveFrom: Number(step) * day, priceUnits, bookVersion },
    supersededIn: Number.POSITIVE_INFINITY,
  }));
  return [...kept, ...written];
}

/** Finds the price in effect by a search of the timeline that a version said. */
function expectedPrice(history: readonly WrittenRevision[], key: Key, at: number, version: number) {
  const said = saidIn(history, version);
  const index = said.findLastIndex(({ effectiveFrom }) => effectiveFrom <= at);
  const found = said[index];
  if (found === undefined || found.priceUnits < 0) return undefined;
  return {
    id: idOf(key),
    key,
    price: String(BigInt(found.priceUnits)),
    effectiveFrom: found.effectiveFrom,
    effectiveUntil: said[index + 1]?.effectiveFrom,
  };
}

function priceIn(snapshot: PriceBookSnapshot, key: Key, at: number, version?: bigint) {
  const found = snapshot.priceAt(key, at, version);
  return found && { ...found, price: found.price.times("1e10").toFixed() };
}

async function buildNext(base: PriceBookSnapshot, version: bigint, rows: readonly TimelineRow[]) {
  const builder = new SnapshotBuilder(base);
  for (const row of rows) builder.add(row);
  return builder.finish(version, Number(version));
}

describe("A snapshot of the price book", () => {
  it("has every key's price at every instant, as every version up to its own said it", async () => {
    const instants = [-6, -5, 0, 3, 3.5, 19, 20, 21].map((step) => step * day);
    await fc.assert(
      fc.asyncProperty(anyVersions, async (versions) => {
        let snapshot = PriceBookSnapshot.none;
        let histories = new Map<string, readonly WrittenRevision[]>();
        const built: { snapshot: PriceBookSnapshot; histories: typeof histories }[] = [];
        for (const [index, changes] of versions.entries()) {
          histories = new Map(histories);
          const rows = changes.map((change) => {
            const name = toKeyText(change.key);
            const history = changed(histories.get(name) ?? [], change, index + 1);
            histories.set(name, history);
            return toTimelineRow(change.key, idOf(change.key), history);
          });
          snapshot = await buildNext(snapshot, BigInt(index + 1), rows);
          built.push({ snapshot, histories });
        }
        for (const each of built) {
          expect(each.snapshot.count).to.equal(each.histories.size);
          for (const key of keys) {
            const history = each.histories.get(toKeyText(key)) ?? [];
            for (const at of instants) {
              for (let version = 0n; version <= each.snapshot.version; version += 1n) {
                const said = priceIn(each.snapshot, key, at, version);
                const expected = expectedPrice(history, key, at, Number(version));
                // Chai takes ten times as long.
                if (!isDeepStrictEqual(said, expected)) expect(said).to.deep.equal(expected);
              }
            }
          }
        }
      }),
      { numRuns: samples(60) },
    );
  });

  it("holds a hundred thousand keys, and one with a hundred thousand revisions", async () => {
    const many = Array.from({ length: 100_000 }, (_, i) => ({
      key: { ...everyone, chargeType: "completion", provider: "acme", model: `model-${i}` },
      id: idOf(keys[0] as Key),
      standing: [{ effectiveFrom: i, priceUnits: i, bookVersion: 1 }],
      superseded: [],
    }));
    const long = {
      key: { ...everyone, chargeType: "tool", provider: "acme", model: "changing" },
      id: idOf(keys[1] as Key),
      standing: many.map((_, i) => ({ effectiveFrom: i, priceUnits: i, bookVersion: 1 })),
      superseded: [],
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
      const standing = [{ effectiveFrom: 0, priceUnits: units, bookVersion: 1 }];
      const row = { key, id: idOf(key), standing, superseded: [] };
      const snapshot = await buildNext(PriceBookSnapshot.none, 1n, [row]);
      expect(priceIn(snapshot, key, 0)?.price).to.equal(String(units));
    }
  });
});

const day = 86_400_000;
