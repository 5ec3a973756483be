import { expect } from "chai";
import fc from "fast-check";
import { Decimal } from "../../src/domain/decimal.js";
import { DomainError } from "../../src/domain/domain-error.js";
import type { Rate, WeeklyHours } from "../../src/domain/rate-card.js";
import { findRateConflict } from "../../src/domain/rate-conflicts.js";
import { rateQuantities, sumOf, toUsageCost } from "../../src/domain/rating.js";
import {
  type Bucket,
  buckets,
  inputBuckets,
  tokenBuckets,
} from "../../src/domain/usage/buckets.js";
import type { Quantity } from "../../src/domain/usage/usage.js";

const monday = Date.parse("2100-01-04T00:00:00Z");

function rate(bucket: Bucket, text: string, conditions: Partial<Rate> = {}): Rate {
  return {
    ...{ bucket, rate: new Decimal(text), per: 1_000_000, serviceTier: "standard", region: "" },
    ...{ inputAbove: undefined, hours: [], ...conditions },
  };
}

function costOf(rates: readonly Rate[], quantities: readonly Quantity[], conditions = {}) {
  const card = { id: "id", key: { provider: "acme", model: "a" }, rates };
  const given = { serviceTier: "standard", region: "", at: monday, ...conditions };
  return toUsageCost(sumOf(rateQuantities(card, quantities, given)));
}

const anyRate = fc.tuple(fc.bigInt(0n, 10n ** 30n - 1n), fc.integer({ min: 0, max: 18 }));
const anyPer = fc.constantFrom(1, 60, 1000, 3600, 1_000_000, 1_000_000_000);

/** A rate of each bucket, and some tokens of each, as numbers of units of 10^-scale. */
const anyUsage = fc.array(
  fc.record({ rate: anyRate, per: anyPer, quantity: fc.bigInt(0n, 10n ** 4n) }),
  { minLength: buckets.length, maxLength: buckets.length },
);

describe("The cost of a usage", () => {
  it("is the sum that fractions of whole numbers give", () => {
    fc.assert(
      fc.property(anyUsage, (entries) => {
        const rates = entries.map((entry, i) => {
          const [units, scale] = entry.rate;
          return rate(
            buckets[i] as Bucket,
            new Decimal(`${units % 10n ** BigInt(12 + scale)}e-${scale}`).toFixed(),
            {
              per: entry.per,
            },
          );
        });
        const quantities = entries.map(({ quantity }, i) => ({
          ...{ bucket: buckets[i] as Bucket, quantity: new Decimal(String(quantity)) },
        }));
        const { providerCost, costDenominator = new Decimal(1) } = costOf(rates, quantities);
        // Each side is multiplied by all pers and by 10^18.
        const common = 9_000_000_000n;
        let expected = 0n;
        for (const [i, { quantity, per }] of entries.entries()) {
          const units = BigInt(rates[i]?.rate.times("1e18").toFixed() ?? "");
          expected += quantity * units * (common / BigInt(per));
        }
        const actual = providerCost.times("1e36").times(String(common));
        const denominator = costDenominator.times("1e18");
        expect(actual.toFixed(0)).to.equal(
          new Decimal(String(expected)).times(denominator).toFixed(0),
        );
      }),
    );
  });

  it("changes by exactly the difference of the rates when a token moves to another bucket", () => {
    const tokens = buckets.filter((bucket) => tokenBuckets.has(bucket));
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 10_000_000 }), {
          minLength: tokens.length,
          maxLength: tokens.length,
        }),
        fc.integer({ min: 0, max: tokens.length - 1 }),
        fc.integer({ min: 0, max: tokens.length - 1 }),
        fc.array(fc.integer({ min: 1, max: 100_000 }), {
          minLength: tokens.length,
          maxLength: tokens.length,
        }),
        (units, from, to, counts) => {
          const rates = tokens.map((bucket, i) => rate(bucket, `${units[i]}`));
          const usage = (shift: number) =>
            tokens.map((bucket, i) => ({
              bucket,
              quantity: new Decimal(
                (counts[i] ?? 0) + (i === to ? shift : 0) - (i === from ? shift : 0),
              ),
            }));
          const difference = new Decimal(costOf(rates, usage(1)).text).minus(
            costOf(rates, usage(0)).text,
          );
          const expected = new Decimal(units[to] ?? 0).minus(units[from] ?? 0).div(1_000_000);
          expect(difference.toFixed()).to.equal(expected.toFixed());
        },
      ),
    );
  });

  it("is never free of a bucket without a rate", () => {
    for (const bucket of buckets.filter((each) => each !== "REASONING")) {
      const others = buckets.filter((each) => each !== bucket).map((each) => rate(each, "1"));
      const used = [{ bucket, quantity: new Decimal(1) }];
      expect(() => costOf(others, used), bucket).to.throw(DomainError, `no rate of ${bucket}`);
      expect(costOf([...others, rate(bucket, "0")], used).text).to.equal("0");
    }
  });

  it("compares a tier with all input: cached, written and of every modality", () => {
    const rates = [rate("OUTPUT", "1"), rate("OUTPUT", "2", { inputAbove: 100 })];
    for (const bucket of inputBuckets) {
      const card = [...rates, rate(bucket, "0"), rate(bucket, "0", { inputAbove: 100 })];
      const usage = (input: number) => [
        { bucket, quantity: new Decimal(input) },
        { bucket: "OUTPUT" as const, quantity: new Decimal(1_000_000) },
      ];
      expect(costOf(card, usage(100)).text, bucket).to.equal("1");
      expect(costOf(card, usage(101)).text, bucket).to.equal("2");
    }
  });

  it("is rejected at 10^18", () => {
    const usage = (quantity: string) => [
      { bucket: "REQUESTS" as const, quantity: new Decimal(quantity) },
    ];
    const rates = [rate("REQUESTS", "999999999999", { per: 1 })];
    expect(costOf(rates, usage("1000000")).text).to.equal("999999999999000000");
    expect(() => costOf(rates, usage("1000001"))).to.throw(DomainError, "10^18 or more");
  });
});

describe("Rates that could both hold", () => {
  const window = (startMinute: number, endMinute: number, weekday = 1): WeeklyHours => ({
    ...{ weekday, startMinute, endMinute },
  });
  const eu = { region: "eu" };

  const conflicts: readonly (readonly [string, readonly Rate[], readonly number[] | undefined])[] =
    [
      ["the same conditions", [rate("INPUT", "1"), rate("INPUT", "2")], [0, 1]],
      ["another bucket", [rate("INPUT", "1"), rate("OUTPUT", "2")], undefined],
      [
        "another tier",
        [rate("INPUT", "1"), rate("INPUT", "2", { serviceTier: "batch" })],
        undefined,
      ],
      ["another input", [rate("INPUT", "1"), rate("INPUT", "2", { inputAbove: 1 })], undefined],
      ["a region", [rate("INPUT", "1"), rate("INPUT", "2", eu)], undefined],
      ["a window", [rate("INPUT", "1"), rate("INPUT", "2", { hours: [window(0, 60)] })], undefined],
      [
        "windows that touch",
        [
          rate("INPUT", "1", { hours: [window(0, 60)] }),
          rate("INPUT", "2", { hours: [window(60, 90)] }),
        ],
        undefined,
      ],
      [
        "windows that overlap",
        [
          rate("INPUT", "1", { hours: [window(0, 61)] }),
          rate("INPUT", "2", { hours: [window(60, 90)] }),
        ],
        [0, 1],
      ],
      [
        "windows of other days",
        [
          rate("INPUT", "1", { hours: [window(0, 61)] }),
          rate("INPUT", "2", { hours: [window(0, 61, 2)] }),
        ],
        undefined,
      ],
      [
        "a region, and an input of any region",
        [rate("INPUT", "1", eu), rate("INPUT", "2", { inputAbove: 1 })],
        [0, 1],
      ],
      [
        "a region, and an input that the region has too",
        [
          ...[rate("INPUT", "1", eu), rate("INPUT", "2", { inputAbove: 1 })],
          rate("INPUT", "3", { ...eu, inputAbove: 1 }),
        ],
        undefined,
      ],
      [
        "a region above an input, and any region without one",
        [rate("INPUT", "1"), rate("INPUT", "2", { ...eu, inputAbove: 1 })],
        undefined,
      ],
      [
        "a window, and an input without one",
        [rate("INPUT", "1", { hours: [window(0, 60)] }), rate("INPUT", "2", { inputAbove: 1 })],
        [0, 1],
      ],
      [
        "a window, and an input that has the window too",
        [
          ...[
            rate("INPUT", "1", { hours: [window(0, 60)] }),
            rate("INPUT", "2", { inputAbove: 1 }),
          ],
          rate("INPUT", "3", { inputAbove: 1, hours: [window(0, 60)] }),
        ],
        undefined,
      ],
      [
        "a region, and a window of any region",
        [rate("INPUT", "1", eu), rate("INPUT", "2", { hours: [window(0, 60)] })],
        [0, 1],
      ],
      [
        "a region, and a window that the region has too",
        [
          ...[rate("INPUT", "1", eu), rate("INPUT", "2", { hours: [window(0, 60)] })],
          rate("INPUT", "3", { ...eu, hours: [window(0, 30), window(30, 90)] }),
        ],
        undefined,
      ],
      [
        "a region whose windows leave a gap",
        [
          ...[rate("INPUT", "1", eu), rate("INPUT", "2", { hours: [window(0, 60)] })],
          rate("INPUT", "3", { ...eu, hours: [window(0, 30), window(31, 90)] }),
        ],
        [0, 1],
      ],
    ];
  for (const [what, rates, expected] of conflicts) {
    it(`are ${expected === undefined ? "not" : ""} found with ${what}`, () => {
      expect(findRateConflict(rates)).to.deep.equal(expected);
    });
  }
});
