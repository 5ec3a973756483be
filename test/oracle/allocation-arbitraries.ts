import fc from "fast-check";
import { anyRoundedTerms, modes } from "./arbitraries.js";
import type { WrittenAllocation, WrittenUsage } from "./expected-allocation.js";
import { printUnits } from "./fractions.js";

/**
 * Characters whose order differs between UTF-16 and UTF-8. UTF-16 encodes characters beyond U+FFFF
 * with D800 to DFFF, which sort before E000 to FFFF.
 */
const misorderedCharacters =
  "a,B,0,é,\ud7ff,\ue000,\uf8ff,\uffff,\u{10000},\u{1f4b6},\u{10ffff}".split(",");

/** Ids that often share a prefix, and often sort differently by bytes and by UTF-16 units. */
export const anyAccountId: fc.Arbitrary<string> = fc.oneof(
  fc.string({ unit: fc.constantFrom(...misorderedCharacters), minLength: 1, maxLength: 4 }),
  fc.string({ unit: "binary", minLength: 1, maxLength: 8 }),
);

const one = 10n ** 18n;

/** Zeros and small whole usages, whose parts often have equal remainders. */
const fewUnits = fc.oneof(
  { weight: 5, arbitrary: fc.bigInt(0n, 12n).map((whole) => whole * one) },
  { weight: 2, arbitrary: fc.constant(0n) },
);

/** Generates usages below `limit`, in units of 10^-18. */
const unitsBelow = (limit: bigint): fc.Arbitrary<bigint> =>
  fc.oneof(
    { weight: 3, arbitrary: fc.bigInt(0n, limit - 1n) },
    { weight: 2, arbitrary: fc.bigInt(0n, 10n ** 12n).map((nanos) => nanos * 10n ** 9n) },
    { weight: 3, arbitrary: fewUnits },
    { weight: 2, arbitrary: fc.constantFrom(1n, limit - 1n) },
  );

/**
 * Generates usages of 1 to 60 accounts, not all of them 0, that sum to less than `limit` units of
 * 10^-18. Half of the cases use at most three distinct values, so that most remainders tie.
 */
function usagesOf(
  anyUnits: fc.Arbitrary<bigint>,
  limit: bigint,
): fc.Arbitrary<readonly WrittenUsage[]> {
  const ids = { minLength: 1, maxLength: 60, size: "max" } as const;
  const some = fc.oneof(fc.constant(3), fc.constant(60));
  return fc
    .record({
      accountIds: fc.uniqueArray(anyAccountId, ids),
      values: some.chain((maxLength) => fc.array(anyUnits, { ...ids, maxLength })),
    })
    .map(({ accountIds, values }) => {
      const units = accountIds.map((_, index) => values[index % values.length] ?? 0n);
      const total = units.reduce((sum, each) => sum + each, 0n);
      // Each value is below the limit, so the values divided by their count sum to less than it.
      const parts = BigInt(total < limit ? 1 : units.length);
      return accountIds.map((accountId, index) => {
        const part = (units[index] ?? 0n) / parts;
        return { accountId, usage: printUsage(part) };
      });
    })
    .filter((usages) => usages.some(({ usage }) => usage !== "0"));
}

type Terms = Omit<WrittenAllocation, "usages">;

const anyLargeTerms: fc.Arbitrary<Terms> = anyRoundedTerms.map(
  ({ providerCost, markup, rounding }) => ({ providerCost, markup, rounding }),
);

/** Costs of a few units or half units. Their parts often have equal remainders. */
const anySmallTerms: fc.Arbitrary<Terms> = fc
  .record({
    sign: fc.constantFrom("", "-"),
    units: fc.bigInt(0n, 120n),
    markup: fc.constantFrom("1", "1.0000000000", "0.5", "1.5"),
    scale: fc.integer({ min: 0, max: 18 }),
    mode: fc.constantFrom(...modes),
  })
  .map(({ sign, units, markup, scale, mode }) => ({
    providerCost: sign + printUnits(units, scale),
    markup,
    rounding: { scale, mode },
  }));

/** Generates valid allocations whose usages sum to less than `limit` × 10^-18. */
const allocationsBelow = (limit: bigint): fc.Arbitrary<WrittenAllocation> =>
  fc
    .oneof(
      fc.tuple(anyLargeTerms, usagesOf(unitsBelow(limit), limit)),
      fc.tuple(anySmallTerms, usagesOf(unitsBelow(limit), limit)),
      fc.tuple(anySmallTerms, usagesOf(fewUnits, limit)),
    )
    .map(([terms, usages]) => ({ ...terms, usages }));

const usageLimit = 10n ** 18n * one;

export const anyAllocation = allocationsBelow(usageLimit);

/** The same accounts in two orders. */
export const anyReordered = anyAllocation.chain((terms) => {
  const indexes = [...terms.usages.keys()];
  return fc.record({
    terms: fc.constant(terms),
    /** The index in `terms` of the account at each position. */
    order: fc.shuffledSubarray(indexes, { minLength: indexes.length }),
  });
});

/** Allocations that stay valid when every usage is multiplied by `factor`. */
export const anyMultiplied = fc.record({
  terms: allocationsBelow(usageLimit / 10n ** 6n),
  factor: fc.bigInt(2n, 10n ** 6n),
});

/** Prints a usage given in units of 10^-18. */
export function printUsage(units: bigint): string {
  return units % one === 0n ? String(units / one) : printUnits(units, 18);
}
