import { expect } from "chai";
import fc from "fast-check";
import { AccountUsages } from "../../src/domain/charges/account-usages.js";
import { allocate } from "../../src/domain/charges/allocation.js";
import { calculateCharge, toUsageRatio } from "../../src/domain/charges/charge.js";
import { quickselect } from "../../src/domain/charges/quickselect.js";
import { Decimal, decimalBounds, parseDecimal } from "../../src/domain/decimal.js";
import { DomainError } from "../../src/domain/domain-error.js";
import type { Rounding } from "../../src/domain/rounding.js";
import {
  parseUsage,
  toScaledInteger,
  toScaledIntegerText,
  type Usage,
} from "../../src/domain/scaled-integer.js";
import {
  anyAllocation,
  anyMultiplied,
  anyReordered,
  printUsage,
} from "../oracle/allocation-arbitraries.js";
import { modes } from "../oracle/arbitraries.js";
import {
  type ExpectedAllocation,
  exactParts,
  expectedAllocation,
  sumOf,
  type WrittenAllocation,
} from "../oracle/expected-allocation.js";
import { fraction, type Mode, multiply, parseFraction, printUnits } from "../oracle/fractions.js";
import { exactTies, nearTies } from "../oracle/near-ties.js";
import {
  byRatio,
  handWorkedAllocations,
  publishedAllocations,
} from "../oracle/published-allocations.js";
import { anySelection, arrangements, ordersOf } from "../oracle/selections.js";
import { anyUsageText, readUsages, rejectedUsages } from "../oracle/usage-texts.js";
import { holds } from "../support/properties.js";

describe("allocate", () => {
  describe("against fractions of whole numbers", () => {
    it("is the largest remainder method, in every mode at every scale", () => {
      holds(300, anyAllocation, agrees);
    });

    it("compares remainders that are equal as floating-point numbers", () => {
      holds(300, nearTies, ({ terms, charges }) => {
        agrees(terms);
        expect(split(terms).charges).to.deep.equal(charges);
      });
    });

    it("orders accounts by their ids where remainders are equal but usages differ", () => {
      holds(300, exactTies, ({ terms, charges }) => {
        agrees(terms);
        expect(split(terms).charges).to.deep.equal(charges);
      });
    });

    it("is the same over ten thousand accounts", () => {
      agrees(tenThousandAccounts);
    });
  });

  describe("of any cost and usages", () => {
    it("sums to the total to the last digit", () => {
      holds(300, anyAllocation, (terms) => {
        const { totalCharge, charges } = split(terms);
        const sum = charges.map(unitsOf).reduce((units, one) => units + one, 0n);
        expect(sum).to.equal(unitsOf(totalCharge));
      });
    });

    it("does not depend on the order of the accounts", () => {
      holds(300, anyReordered, ({ terms, order }) => {
        const { charges, ...total } = split(terms);
        const reordered = split({ ...terms, usages: pick(terms.usages, order) });
        expect(reordered).to.deep.equal({ ...total, charges: pick(charges, order) });
      });
    });

    for (const mode of modes) {
      it(`is less than a unit from each exact part, ${mode}`, () => {
        holds(300, anyAllocation, (anyTerms) => {
          const terms = { ...anyTerms, rounding: { ...anyTerms.rounding, mode } };
          const { charges } = split(terms);
          for (const [index, { numerator, denominator }] of exactParts(terms).entries()) {
            const error = unitsOf(charges[index] ?? "") * denominator - numerator;
            expect(-denominator < error && error < denominator).to.equal(true);
          }
        });
      });
    }

    it("charges 0 for no usage, and does not change the charges of other accounts", () => {
      holds(300, anyAllocation, (terms) => {
        const { charges } = split(terms);
        const indexes = [...terms.usages.keys()];
        const isUsed = (index: number) => unitsOf(terms.usages[index]?.usage ?? "") > 0n;
        const used = indexes.filter(isUsed);
        const unused = indexes.filter((index) => !isUsed(index));
        const zero = printUnits(0n, terms.rounding.scale);
        const alone = split({ ...terms, usages: pick(terms.usages, used) });
        expect(pick(charges, unused)).to.deep.equal(unused.map(() => zero));
        expect(pick(charges, used)).to.deep.equal(alone.charges);
      });
    });

    it("charges no account less than another that used less", () => {
      holds(300, anyAllocation, (terms) => {
        const rows = split(terms).charges.map((charge, index) => ({
          used: usageUnitsOf(terms.usages[index]?.usage ?? ""),
          paid: magnitude(unitsOf(charge)),
        }));
        rows.sort((a, b) => Number(a.used - b.used || a.paid - b.paid));
        const paid = rows.map((row) => row.paid);
        expect(paid).to.deep.equal(paid.toSorted((a, b) => Number(a - b)));
      });
    });

    it("mirrors a negative cost: CEILING and FLOOR swap, the other modes stay the same", () => {
      holds(300, anyAllocation, (terms) => {
        const rounding = { ...terms.rounding, mode: mirrorOf(terms.rounding.mode) };
        const providerCost = `-${terms.providerCost}`.replace("--", "");
        const mirrored = split({ ...terms, providerCost, rounding });
        const { totalCharge, exact, charges } = split(terms);
        expect(mirrored.exact).to.equal(exact);
        expect(unitsOf(mirrored.totalCharge)).to.equal(-unitsOf(totalCharge));
        expect(mirrored.charges.map(unitsOf)).to.deep.equal(charges.map((one) => -unitsOf(one)));
      });
    });

    it("is all zeros, without a sign, for a free model", () => {
      holds(300, anyAllocation, (terms) => {
        const zero = printUnits(0n, terms.rounding.scale);
        const charges = terms.usages.map(() => zero);
        const free = split({ ...terms, markup: "0" });
        expect(free).to.deep.equal({ totalCharge: zero, exact: true, charges });
      });
    });

    it("does not change when all usages are multiplied by the same factor", () => {
      holds(300, anyMultiplied, ({ terms, factor }) => {
        const usages = terms.usages.map(({ accountId, usage }) => ({
          accountId,
          usage: printUsage(usageUnitsOf(usage) * factor),
        }));
        expect(split({ ...terms, usages })).to.deep.equal(split(terms));
      });
    });
  });

  describe("by hand", () => {
    for (const [total, ratio, charges] of publishedAllocations) {
      it(`is ${charges} for ${total} by ${ratio}`, () => {
        const terms = byRatio(total, ratio);
        agrees(terms);
        expect(split(terms)).to.include({ totalCharge: total, exact: true });
        expect(split(terms).charges.join(", ")).to.equal(charges);
      });
    }

    it("is 99, 93, 99, 125, 104, 93 for 613 by 98:92:98:123:102:92 in all 720 orders", () => {
      const terms = byRatio("613", "98:92:98:123:102:92");
      const charges = ["99", "93", "99", "125", "104", "93"];
      for (const order of ordersOf([0, 1, 2, 3, 4, 5])) {
        const reordered = split({ ...terms, usages: pick(terms.usages, order) });
        expect(reordered.charges).to.deep.equal(pick(charges, order));
      }
    });

    for (const [name, terms, totalCharge, charges] of handWorkedAllocations) {
      it(`is ${charges} for ${name}`, () => {
        agrees(terms);
        expect(split(terms)).to.include({ totalCharge });
        expect(split(terms).charges.join(", ")).to.equal(charges);
      });
    }

    it("breaks ties by the bytes of the ids, not by their UTF-16 units", () => {
      const usages = ["\u{10000}", "\uffff"].map((accountId) => ({ accountId, usage: "1" }));
      const { charges } = split({ ...byRatio("1", "1"), usages });
      expect(charges).to.deep.equal(["0", "1"]);
    });
  });

  it("is NO_USAGE when no account has used anything", () => {
    expect(errorOf(() => split(byRatio("1.00", "0:0.000:-0")))?.reason).to.equal("NO_USAGE");
  });

  it("is NO_USAGE without any account", () => {
    const terms = { ...byRatio("1.00", "1"), usages: [] };
    expect(errorOf(() => split(terms))?.reason).to.equal("NO_USAGE");
  });

  it("yields several times during ten thousand accounts", () => {
    expect([...begin(tenThousandAccounts)]).to.have.lengthOf.at.least(2);
  });
});

describe("calculateCharge", () => {
  it("is 0.000002 for 0.0000015, half-up at 6 digits", () => {
    expect(charge("0.0000015", { scale: 6, mode: "HALF_UP" })).to.equal("0.000002");
  });

  it("loses nothing over 10,000 lines of 0.0000312", () => {
    const lines = Array.from({ length: 10_000 }, () => parseFraction(charge("0.0000312")));
    expect(sumOf(lines)).to.deep.equal(parseFraction("0.312"));
  });
});

describe("quickselect", () => {
  it("moves the smallest items to the front and keeps all items", () => {
    holds(300, anySelection, ({ items, count }) => {
      const selected = Uint32Array.from(items);
      quickselect(selected, count, (a, b) => a - b);
      const sorted = Uint32Array.from(items).sort();
      expect([...selected.slice(0, count).sort()]).to.deep.equal([...sorted.slice(0, count)]);
      expect([...selected.sort()]).to.deep.equal([...sorted]);
    });
  });

  for (const [name, arrange] of Object.entries(arrangements)) {
    it(`compares each item only a few times, ${name}`, () => {
      const items = arrange(Array.from({ length: 10_000 }, (_, index) => (index * 7919) % 10_007));
      // A quadratic algorithm would compare each item thousands of times.
      for (const count of [1, items.length / 2, items.length - 1]) {
        expect(countComparisons(items, count) / items.length).to.be.below(50);
      }
    });
  }
});

describe("toScaledIntegerText", () => {
  it("prints text that parses to the same units", () => {
    const units = fc.bigInt(-(10n ** 40n), 10n ** 40n);
    const anyUnits = fc.oneof(units, fc.bigInt(-1000n, 1000n));
    holds(300, fc.tuple(anyUnits, fc.integer({ min: 0, max: 18 })), ([units, scale]) => {
      const text = toScaledIntegerText(units, scale);
      expect(text).to.equal(printUnits(units, scale));
      expect(parseFraction(text)).to.deep.equal(fraction(units, 10n ** BigInt(scale)));
      expect(toScaledInteger(new Decimal(text), scale)).to.equal(units);
    });
  });
});

describe("parseUsage", () => {
  it("accepts and rejects the same texts as parseDecimal, with the same messages", () => {
    holds(300, anyUsageText, (text) => {
      const error = errorOf(() => parseDecimal("usage", text, decimalBounds.usage));
      expect(errorOf(() => parseUsage("usage", text))?.message).to.equal(error?.message);
      if (error === undefined)
        expect(atomsOf(parseUsage("usage", text))).to.equal(usageUnitsOf(text));
    });
  });

  for (const [text, units] of readUsages) {
    it(`parses ${text}`, () => {
      const usage = parseUsage("usage", text);
      expect(atomsOf(usage)).to.equal(units);
      expect(usage.scale === 0 || usage.units % 10n !== 0n).to.equal(true);
    });
  }

  for (const text of rejectedUsages) {
    it(`rejects ${JSON.stringify(text)}`, () => {
      const error = errorOf(() => parseUsage("usages[0].usage", text));
      expect(error?.reason).to.equal("INVALID_FIELD");
      expect(error?.violations.map(({ field }) => field)).to.deep.equal(["usages[0].usage"]);
    });
  }
});

/** Ids in descending order, and usages with many remainders that are equal or close. */
const tenThousandAccounts: WrittenAllocation = {
  ...byRatio("1000.00", "1", "1.25125"),
  usages: Array.from({ length: 10_000 }, (_, index) => ({
    accountId: `account-${99_999 - index}`,
    usage: String((index * 7919) % 499),
  })),
};

/** Parses the terms like the service, and starts the allocation. */
function begin({ providerCost, markup, usages, rounding }: WrittenAllocation) {
  const accountUsages = new AccountUsages();
  for (const { accountId, usage } of usages)
    accountUsages.add(accountId, parseUsage("usage", usage));
  const cost = parseDecimal("provider_cost", providerCost, decimalBounds.providerCost);
  const terms = { providerCost: cost, rounding };
  return allocate(terms, parseDecimal("price", markup, decimalBounds.price), accountUsages);
}

function split(terms: WrittenAllocation): ExpectedAllocation {
  const steps = begin(terms);
  let step = steps.next();
  while (!step.done) step = steps.next();
  const { totalCharge, exact, chargeAt } = step.value;
  return { totalCharge, exact, charges: terms.usages.map((_, index) => chargeAt(index)) };
}

function agrees(terms: WrittenAllocation): void {
  expect(split(terms)).to.deep.equal(expectedAllocation(terms));
}

/** Calculates the charge of the whole cost at a markup of 1. */
function charge(providerCost: string, rounding?: Rounding): string {
  const one = new Decimal(1);
  const cost = parseDecimal("provider_cost", providerCost, decimalBounds.providerCost);
  const terms = { providerCost: cost, usageRatio: toUsageRatio(one), rounding };
  return calculateCharge(terms, one).accountCharge;
}

function countComparisons(items: readonly number[], count: number): number {
  let comparisons = 0;
  quickselect(Uint32Array.from(items), count, (a, b) => {
    comparisons += 1;
    return a - b;
  });
  return comparisons;
}

function errorOf(call: () => unknown): DomainError | undefined {
  try {
    call();
    return undefined;
  } catch (error) {
    if (error instanceof DomainError) return error;
    throw error;
  }
}

/** Converts a decimal to units of its own scale: 3.12 is 312 units. */
const unitsOf = (text: string) => BigInt(text.replace(".", ""));

const magnitude = (value: bigint) => (value < 0n ? -value : value);

/** Converts a usage to units of 10^-18. Every usage is a whole number of these units. */
const usageUnitsOf = (text: string) =>
  multiply(parseFraction(text), fraction(10n ** 18n, 1n)).numerator;
const atomsOf = ({ units, scale }: Usage) => units * 10n ** BigInt(18 - scale);

const pick = <T>(values: readonly T[], indexes: readonly number[]): T[] =>
  indexes.map((index) => values[index] as T);

const mirrorOf = (mode: Mode): Mode =>
  mode === "CEILING" ? "FLOOR" : mode === "FLOOR" ? "CEILING" : mode;
