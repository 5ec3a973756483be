import { expect } from "chai";
import fc from "fast-check";
import { type Audience, everyone, type Key, toKeyText } from "../../src/domain/price-key.js";
import { isMoreSpecific, levelOf } from "../../src/domain/selector.js";
import { PriceBookSnapshot } from "../../src/price-book/snapshot.js";
import { SnapshotBuilder } from "../../src/price-book/snapshot-builder.js";
import { samples } from "../support/properties.js";
import { saidIn, toTimelineRow, type WrittenRevision } from "../support/written-revisions.js";

type Row = { readonly key: Key; readonly id: string; readonly history: readonly WrittenRevision[] };

const audiences: readonly Audience[] = [
  everyone,
  { accountId: "acme", priceList: "" },
  // The same text as a price list, and text that is not ASCII.
  { accountId: "gold", priceList: "" },
  { accountId: "ü€😀", priceList: "" },
  { accountId: "", priceList: "gold" },
  { accountId: "", priceList: "acme" },
];
const names = ["a", "ab", "abc", "abd", "b", "a b", "a/b", "a*c", "a".repeat(255)];
const patterns = ["*", "a*", "ab*", "abc*", "abcd*", "a *", "a/*", "a*c*", `${"a".repeat(254)}*`];
const types = ["completion", "tool"];
const providers = ["openai", "o"];

const anyAudience = fc.constantFrom(...audiences);
const anyKey: fc.Arbitrary<Key> = fc
  .oneof(
    fc.record({
      audience: anyAudience,
      chargeType: fc.constantFrom("*", ...types),
      provider: fc.constantFrom(...providers),
      model: fc.constantFrom(...names, ...patterns),
    }),
    fc.record({
      audience: anyAudience,
      chargeType: fc.constantFrom("*", ...types),
      ...{ provider: fc.constant("*"), model: fc.constant("*") },
    }),
  )
  .map(({ audience, ...rest }) => ({ ...audience, ...rest }));
const anyRequest: fc.Arbitrary<Key> = fc.record({
  accountId: fc.constantFrom("", "acme", "gold", "ü€😀", "nobody"),
  priceList: fc.constantFrom("", "gold", "acme", "none"),
  chargeType: fc.constantFrom(...types, "plugin"),
  provider: fc.constantFrom(...providers, "mistral"),
  model: fc.constantFrom(...names, "abcde", "c"),
});
const newest = 4;
const anyRevision: fc.Arbitrary<WrittenRevision> = fc
  .record({
    effectiveFrom: fc.integer({ min: 0, max: 5 }),
    priceUnits: fc.oneof({ weight: 3, arbitrary: fc.integer({ min: 0, max: 9 }) }, fc.constant(-1)),
    bookVersion: fc.integer({ min: 1, max: newest }),
    lasts: fc.oneof(
      { weight: 3, arbitrary: fc.constant(Number.POSITIVE_INFINITY) },
      fc.integer({ min: 1, max: 2 }),
    ),
  })
  .map(({ lasts, ...rest }) => {
    const end = rest.bookVersion + lasts;
    return { ...rest, supersededIn: end > newest ? Number.POSITIVE_INFINITY : end };
  });
const anyBook: fc.Arbitrary<readonly Row[]> = fc
  .uniqueArray(
    fc.record({
      key: anyKey,
      // At most one revision begins at an instant in each version.
      history: fc.uniqueArray(anyRevision, {
        selector: ({ effectiveFrom }) => effectiveFrom,
        minLength: 1,
        maxLength: 3,
      }),
    }),
    { selector: ({ key }) => toKeyText(key), maxLength: 60 },
  )
  .map((rows) => rows.map((row, i) => ({ ...row, id: idOf(i) })));

/** The order of the documentation, for two keys that match the same request. */
function compare(a: Key, b: Key): number {
  return (
    audienceRank(b) - audienceRank(a) ||
    Number(b.provider !== "*") - Number(a.provider !== "*") ||
    modelRank(b.model) - modelRank(a.model) ||
    Number(b.chargeType !== "*") - Number(a.chargeType !== "*")
  );
}
const audienceRank = ({ accountId, priceList }: Audience) =>
  accountId !== "" ? 2 : Number(priceList !== "");
const modelRank = (model: string) => (model.endsWith("*") ? model.length : 1000);

function matches(key: Key, request: Key): boolean {
  const isFor =
    key.accountId !== ""
      ? key.accountId === request.accountId
      : key.priceList === "" || key.priceList === request.priceList;
  return (
    isFor &&
    ["*", request.provider].includes(key.provider) &&
    ["*", request.chargeType].includes(key.chargeType) &&
    (key.model.endsWith("*")
      ? request.model.startsWith(key.model.slice(0, -1))
      : key.model === request.model)
  );
}

/** Returns the revision in effect, or undefined. */
function revisionAt({ history }: Row, at: number, version: number): WrittenRevision | undefined {
  return saidIn(history, version).findLast(({ effectiveFrom }) => effectiveFrom <= at);
}

async function build(rows: readonly Row[]): Promise<PriceBookSnapshot> {
  const builder = new SnapshotBuilder(PriceBookSnapshot.none);
  for (const row of rows) builder.add(toTimelineRow(row.key, row.id, row.history));
  return builder.finish(BigInt(newest), 0);
}

function idOf(number: number): string {
  return `00000000-0000-4000-8000-${String(number).padStart(12, "0")}`;
}

/** Builds a book in which each key has the price of its number. */
function priced(keys: readonly Partial<Key>[]): Promise<PriceBookSnapshot> {
  return build(
    keys.map((key, i) => ({
      key: { ...everyone, chargeType: "*", provider: "*", model: "*", ...key },
      id: idOf(i),
      history: [
        { effectiveFrom: 0, priceUnits: i, bookVersion: 1, supersededIn: Number.POSITIVE_INFINITY },
      ],
    })),
  );
}

describe("The price that applies to a request", () => {
  it("is that of the first key that matches and has a price, in the order of the rules, at any time and version", async () => {
    await fc.assert(
      fc.asyncProperty(
        anyBook,
        fc.array(anyRequest, { minLength: 50, maxLength: 50 }),
        async (rows, requests) => {
          const snapshot = await build(rows);
          for (const request of requests) {
            const candidates = rows
              .filter(({ key }) => matches(key, request))
              .sort((a, b) => compare(a.key, b.key));
            for (const [i, { key }] of candidates.entries()) {
              const next = candidates[i + 1];
              if (next === undefined) continue;
              if (compare(key, next.key) === 0) throw new Error("a tie");
              expect(isMoreSpecific(key, next.key)).to.equal(true);
              expect(isMoreSpecific(next.key, key)).to.equal(false);
            }
            for (const [at, version] of [
              [2, newest],
              [5, 1],
              [3, 2],
            ] as const) {
              const wanted = candidates.find(
                (row) => (revisionAt(row, at, version)?.priceUnits ?? -1) >= 0,
              );
              const found = snapshot.priceAt(request, at, BigInt(version));
              if (found?.id !== wanted?.id) expect(found).to.deep.equal(wanted);
              if (found !== undefined) {
                expect(found.key).to.deep.equal(wanted?.key);
                expect(found.effectiveFrom).to.equal(
                  wanted && revisionAt(wanted, at, version)?.effectiveFrom,
                );
              }
              const explained = snapshot.matchesAt(request, at, BigInt(version));
              const known = candidates.filter(({ history }) =>
                saidIn(history, version).some(
                  (each) => each.effectiveFrom <= at || each.priceUnits >= 0,
                ),
              );
              if (explained.map(({ id }) => id).join() !== known.map(({ id }) => id).join())
                expect(explained.map(({ id }) => id)).to.deep.equal(known.map(({ id }) => id));
              expect(explained.find(({ standing }) => standing === "priced")?.id).to.equal(
                found?.id,
              );
            }
          }
        },
      ),
      { numRuns: samples(70) },
    );
  });

  it("never is that of another account, price list, provider, model or charge type", async () => {
    const snapshot = await priced([
      { accountId: "acme", provider: "openai", model: "gpt*" },
      { priceList: "gold", provider: "openai", model: "gpt*" },
      { provider: "openai", model: "gpt-5*", chargeType: "tool" },
    ]);
    const find = (request: Partial<Key>) =>
      snapshot.priceAt(
        { ...everyone, chargeType: "completion", provider: "openai", model: "gpt-5", ...request },
        1,
      );
    expect(find({})).to.equal(undefined);
    expect(find({ accountId: "gold", priceList: "acme" })).to.equal(undefined);
    expect(find({ accountId: "acme", model: "gp" })).to.equal(undefined);
    expect(find({ accountId: "acme", provider: "open" })).to.equal(undefined);
    expect(find({ chargeType: "tool", model: "gpt-4" })).to.equal(undefined);
    expect(find({ chargeType: "tool", model: "gpt-5" })?.key.model).to.equal("gpt-5*");
  });

  it("is found in the same snapshot after keys of new kinds were added, and in the one before", async () => {
    const before = await priced([{ provider: "openai" }]);
    const builder = new SnapshotBuilder(before);
    const key = { ...everyone, chargeType: "*", provider: "openai", model: "gpt-5*" };
    builder.add({
      ...{ key, id: idOf(9), superseded: [] },
      standing: [{ effectiveFrom: 0, priceUnits: 9, bookVersion: 5 }],
    });
    const after = await builder.finish(5n, 0);
    const request = { ...everyone, chargeType: "tool", provider: "openai", model: "gpt-5" };
    expect(before.priceAt(request, 1)?.id).to.equal(idOf(0));
    expect(after.priceAt(request, 1)?.id).to.equal(idOf(9));
    expect(after.priceAt(request, 1, 4n)?.id).to.equal(idOf(0));
  });
});

describe("The level of a price", () => {
  it("says how specific it is", () => {
    const level = (key: Partial<Key>) =>
      Object.values(
        levelOf({ ...everyone, chargeType: "*", provider: "*", model: "*", ...key }),
      ).join(" ");
    expect(level({})).to.equal("everyone any");
    expect(level({ accountId: "acme", provider: "openai", model: "gpt-5*" })).to.equal(
      "account prefix",
    );
    expect(level({ priceList: "gold", provider: "openai", model: "gpt-5" })).to.equal("list exact");
  });
});
