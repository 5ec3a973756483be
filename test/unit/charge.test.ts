import { expect } from "chai";
import { type Charge, calculateCharge } from "../../src/domain/charges/charge.js";
import { decimalBounds, parseDecimal } from "../../src/domain/decimal.js";
import { anyRoundedTerms, anyTerms, modes } from "../oracle/arbitraries.js";
import { exactCharge, expectedCharge, type WrittenTerms } from "../oracle/expected-charge.js";
import {
  divide,
  type Fraction,
  fraction,
  type Mode,
  parseFraction,
  subtract,
} from "../oracle/fractions.js";
import { handWorked, javaInputs, javaResults, written } from "../oracle/hand-worked.js";
import { exactHalves, type HardCase, longQuotients } from "../oracle/hard-cases.js";
import { nearMisses } from "../oracle/near-misses.js";
import { holds } from "../support/properties.js";

describe("calculateCharge", () => {
  describe("against fractions of whole numbers", () => {
    it("is the exact value, rounded once, in every mode at every scale", () => {
      holds(1000, anyRoundedTerms, agrees);
    });

    it("is the exact value, or half-even at 18 digits, when the request sets no rounding", () => {
      holds(1000, anyTerms, agrees);
    });

    it("rounds exact halves by the mode", () => {
      holds(1000, exactHalves, agreesInEveryMode);
    });

    it("rounds values that are extremely close to a half or a whole unit correctly", () => {
      holds(1000, nearMisses, agreesInEveryMode);
    });

    it("is exact up to 46 fraction digits and rounded from 47 on", () => {
      holds(1000, longQuotients, ({ terms, fractionDigits }) => {
        agrees(terms);
        const { accountCharge, exact, rounding } = charge(terms);
        const printedDigits = accountCharge.split(".")[1]?.length;
        expect(exact).to.equal(fractionDigits <= 46);
        expect(printedDigits).to.equal(fractionDigits <= 46 ? fractionDigits : 18);
        expect(rounding === undefined).to.equal(exact);
      });
    });
  });

  describe("of any value", () => {
    it("mirrors a negative cost: CEILING and FLOOR swap, the other modes stay the same", () => {
      holds(1000, anyRoundedTerms, (terms) => {
        const { scale, mode } = terms.rounding;
        const rounding = { scale, mode: mirrorOf(mode) };
        const mirrored = charge({ ...terms, rounding, providerCost: negate(terms.providerCost) });
        const { accountCharge, exact } = charge(terms);
        expect(mirrored).to.include({ accountCharge: negate(accountCharge), exact });
      });
    });

    it("is less than a unit from the exact value, in half modes at most half a unit", () => {
      holds(1000, anyRoundedTerms, (terms) => {
        const { accountCharge, exact } = charge(terms);
        const error = subtract(parseFraction(accountCharge), exactCharge(terms));
        const unit = fraction(1n, 10n ** BigInt(terms.rounding.scale));
        const { numerator, denominator } = divide(error, unit);
        const twice = 2n * (numerator < 0n ? -numerator : numerator);
        if (terms.rounding.mode.startsWith("HALF")) expect(twice <= denominator).to.equal(true);
        else expect(twice < 2n * denominator).to.equal(true);
        expect(exact).to.equal(numerator === 0n);
      });
    });

    it("is printed with exactly `scale` digits, no exponent and no negative zero", () => {
      holds(1000, anyRoundedTerms, (terms) => {
        const { scale } = terms.rounding;
        const { accountCharge } = charge(terms);
        expect(accountCharge).to.match(scale === 0 ? /^-?(0|[1-9]\d*)$/ : /^-?(0|[1-9]\d*)\.\d+$/);
        expect(accountCharge).to.not.match(/^-[0.]+$/);
        expect(accountCharge.split(".")[1]?.length ?? 0).to.equal(scale);
      });
    });
  });

  describe("at its widest", () => {
    const nines = "9".repeat(18);
    const widest = { providerCost: `${nines}.${nines}`, totalUsage: "1" };

    it("has 21 integer and 46 fraction digits: numeric(67,46)", () => {
      const large = charge({ ...widest, markup: "1000", usage: "1", rounding: undefined });
      const usage = `0.${nines}`;
      const fine = charge({ ...widest, markup: "999.9999999999", usage, rounding: undefined });
      expect([large, fine].map(({ exact }) => exact)).to.deep.equal([true, true]);
      expect(large.accountCharge.split(".")[0]).to.have.length(21);
      expect(fine.accountCharge.split(".").map(({ length }) => length)).to.deep.equal([21, 46]);
    });

    it("has at most 38 digits when it is rounded to at most 17", () => {
      for (const mode of modes) {
        for (let scale = 0; scale <= 17; scale += 1) {
          const terms = { ...widest, markup: "1000", usage: "1", rounding: { scale, mode } };
          const { accountCharge } = charge(terms);
          expect(accountCharge.replace(".", "").length, `${mode} ${scale}`).to.be.at.most(38);
        }
      }
    });
  });

  describe("by hand", () => {
    for (const [mode, results] of javaResults) {
      it(`rounds ${mode} like Java`, () => {
        const all = javaInputs.map((cost) => written(cost, "1", "1/1", { scale: 0, mode }));
        expect(all.map((terms) => charge(terms).accountCharge).join(" ")).to.equal(results);
        expect(all.map((terms) => expectedCharge(terms).accountCharge).join(" ")).to.equal(results);
      });
    }

    for (const [name, terms, accountCharge, exact] of handWorked) {
      it(`is ${accountCharge} for ${name}`, () => {
        expect(charge(terms)).to.include({ accountCharge, exact });
        expect(expectedCharge(terms)).to.include({ accountCharge, exact });
      });
    }
  });
});

/** Parses the terms like the service, and calculates. A decimal ratio is a usage over 1. */
function charge({ rounding, ...terms }: WrittenTerms): Charge {
  const isRatio = terms.totalUsage === "1";
  const usageBound = isRatio ? decimalBounds.usageRatio : decimalBounds.usage;
  return calculateCharge(
    {
      providerCost: parseDecimal("provider_cost", terms.providerCost, decimalBounds.providerCost),
      usageRatio: {
        usage: parseDecimal("usage", terms.usage, usageBound),
        totalUsage: parseDecimal("total_usage", terms.totalUsage, decimalBounds.totalUsage),
      },
      rounding,
    },
    parseDecimal("price", terms.markup, decimalBounds.price),
  );
}

function agrees(terms: WrittenTerms): void {
  const { exactCharge: unrounded, ...calculated } = charge(terms);
  expect(calculated).to.deep.equal(expectedCharge(terms));
  const [numerator, denominator] = [unrounded.numerator, unrounded.denominator].map((value) =>
    parseFraction(value.toFixed()),
  ) as [Fraction, Fraction];
  expect(divide(numerator, denominator)).to.deep.equal(exactCharge(terms));
}

function agreesInEveryMode({ terms, scale, results }: HardCase): void {
  for (const mode of modes) agrees({ ...terms, rounding: { scale, mode } });
  for (const [mode, accountCharge] of Object.entries(results) as [Mode, string][]) {
    expect(charge({ ...terms, rounding: { scale, mode } })).to.include({ accountCharge });
  }
}

const negate = (text: string) => {
  if (/^-?[0.]+$/.test(text)) return text.replace("-", "");
  return text.startsWith("-") ? text.slice(1) : `-${text}`;
};

const mirrorOf = (mode: Mode): Mode =>
  mode === "CEILING" ? "FLOOR" : mode === "FLOOR" ? "CEILING" : mode;
