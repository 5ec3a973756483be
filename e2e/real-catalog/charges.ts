import fc from "fast-check";
import { RoundingMode } from "../../src/gen/llmprices/v1/charge_pb.js";
import type { CalculateChargeResponse } from "../../src/gen/llmprices/v1/pricing_service_pb.js";
import { anyRoundedTerms, anyTerms, modes } from "../../test/oracle/arbitraries.js";
import { expectedCharge, type WrittenTerms } from "../../test/oracle/expected-charge.js";
import { exactHalves, longQuotients } from "../../test/oracle/hard-cases.js";
import { nearMisses } from "../../test/oracle/near-misses.js";
import type { TestKey } from "../../test/support/prices.js";

/** A key, the price it gets, and a charge for each protocol. */
export type PricedKey = {
  readonly key: TestKey;
  readonly price: string;
  readonly charges: Readonly<Record<"gRPC" | "Connect JSON", WrittenTerms>>;
};

/** Draws prices and charges for all keys. The same seed draws the same ones. */
export function drawCharges(keys: readonly TestKey[], seed: number): readonly PricedKey[] {
  const drawn = fc.sample(anyCharge, { seed, numRuns: keys.length });
  return keys.map((key, index) => {
    const own = termsAt(drawn, index);
    // The protocols alternate between two drawn charges: this key's and the next key's.
    const next = { ...termsAt(drawn, (index + 1) % drawn.length), markup: own.markup };
    const [first, second] = index % 2 === 0 ? [own, next] : [next, own];
    return { key, price: own.markup, charges: { gRPC: first, "Connect JSON": second } };
  });
}

/** Returns the request without its key. */
export function toRequest({ providerCost, usage, totalUsage, rounding }: WrittenTerms) {
  return {
    providerCost,
    usageRatio:
      totalUsage === "1"
        ? { case: "accountUsageRatio" as const, value: usage }
        : { case: "accountUsage" as const, value: { usage, totalUsage } },
    ...(rounding && { rounding: { scale: rounding.scale, mode: RoundingMode[rounding.mode] } }),
  };
}

/** Returns the compared part of a response. */
export function toComparable(answer: CalculateChargeResponse) {
  const { accountCharge, exact, markup, rounding, appliedPrice } = answer;
  return {
    accountCharge,
    exact,
    rounding: rounding && { scale: rounding.scale, mode: RoundingMode[rounding.mode] },
    markup,
    llmPriceId: appliedPrice?.llmPriceId,
  };
}

/** Returns the expected response, by the oracle. */
export function toExpected(terms: WrittenTerms, llmPriceId: string | undefined) {
  return { ...expectedCharge(terms), markup: asAnswered(terms.markup), llmPriceId };
}

/** Returns a price as responses have it, without trailing zeros. */
export function asAnswered(price: string): string {
  return price.includes(".") ? price.replace(/\.?0+$/, "") : price;
}

/** Draws anything that the service accepts, and the charges that are hardest to round. */
const anyCharge: fc.Arbitrary<WrittenTerms> = fc.oneof(
  { weight: 3, arbitrary: anyTerms },
  { weight: 3, arbitrary: anyRoundedTerms },
  { weight: 1, arbitrary: longQuotients.map(({ terms }) => terms) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.oneof(exactHalves, nearMisses), fc.constantFrom(...modes))
      .map(([{ terms, scale }, mode]) => ({ ...terms, rounding: { scale, mode } })),
  },
);

function termsAt(drawn: readonly WrittenTerms[], index: number): WrittenTerms {
  const terms = drawn[index];
  if (terms === undefined) throw new RangeError(`only ${drawn.length} charges are drawn`);
  return terms;
}
