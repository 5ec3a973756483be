import { expect } from "chai";
import fc from "fast-check";
import { calculateCharge } from "../../src/domain/charges/charge.js";
import { ChargeTotals, type Totals } from "../../src/domain/charges/charge-totals.js";
import { decimalBounds, parseDecimal } from "../../src/domain/decimal.js";
import { anyRoundedTerms, anyTerms } from "../oracle/arbitraries.js";
import { exactCharge, type WrittenTerms } from "../oracle/expected-charge.js";
import {
  countFractionDigits,
  type Fraction,
  parseFraction,
  printUnits,
  roundToUnits,
  subtract,
} from "../oracle/fractions.js";

describe("the totals of a batch", () => {
  it("are the sums of the exact and of the rounded charges", () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(anyTerms, anyRoundedTerms), { maxLength: 12 }), (batch) => {
        const { charges, totals } = calculate(batch);
        expectSum(totals.totalCharge, batch.map(exactCharge));
        expectSum(totals.roundedTotal, charges.map(parseFraction));
        const difference = subtract(
          parseFraction(totals.roundedTotal),
          parseFraction(totals.totalCharge),
        );
        expectSum(totals.roundingDifference, [difference]);
      }),
      { numRuns: 300 },
    );
  });

  it("re-add: three thirds are a whole, also of different denominators", () => {
    const third = { usage: "1", totalUsage: "3" };
    const sixth = { usage: "1", totalUsage: "6" };
    const rounding = { scale: 2, mode: "HALF_EVEN" } as const;
    const terms = { providerCost: "100", markup: "1", rounding };
    const lines = [third, third, sixth, sixth].map((part) => ({ ...terms, ...part }));
    expect(calculate(lines).totals).to.deep.equal({
      totalCharge: "100",
      roundedTotal: "100",
      roundingDifference: "0",
    });
    expect(calculate(lines.slice(0, 2)).totals).to.deep.equal({
      totalCharge: "66.666666666666666667",
      roundedTotal: "66.66",
      roundingDifference: "-0.006666666666666667",
    });
  });

  it("of no charge are 0", () => {
    const { totals } = calculate([]);
    expect(totals).to.deep.equal({ totalCharge: "0", roundedTotal: "0", roundingDifference: "0" });
  });
});

function calculate(batch: readonly WrittenTerms[]): { charges: string[]; totals: Totals } {
  const sums = new ChargeTotals();
  const charges = batch.map(({ providerCost, markup, usage, totalUsage, rounding }) => {
    const read = (text: string) => parseDecimal("x", text, anyBound);
    const usageRatio = { usage: read(usage), totalUsage: read(totalUsage) };
    const terms = { providerCost: read(providerCost), usageRatio, rounding };
    const charge = calculateCharge(terms, read(markup));
    sums.add(charge);
    return charge.accountCharge;
  });
  return { charges, totals: sums.sum() };
}

function expectSum(text: string, parts: readonly Fraction[]): void {
  const zero = parseFraction("0");
  const sum = parts.reduce((a, b) => subtract(a, subtract(zero, b)), zero);
  const digits = countFractionDigits(sum, 46);
  const scale = digits ?? 18;
  const printed = printUnits(roundToUnits(sum, scale, "HALF_EVEN"), scale);
  // Trailing zeros that rounding left are not printed.
  expect(text).to.equal(printed.includes(".") ? printed.replace(/\.?0+$/, "") : printed);
}

const anyBound = { ...decimalBounds.providerCost, maxFractionDigits: 18 };
