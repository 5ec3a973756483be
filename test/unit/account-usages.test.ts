import { expect } from "chai";
import fc from "fast-check";
import { AccountUsages } from "../../src/domain/charges/account-usages.js";
import type { Usage } from "../../src/domain/scaled-integer.js";
import { anyAccountId } from "../oracle/allocation-arbitraries.js";
import { holds } from "../support/properties.js";

describe("AccountUsages", () => {
  const longest = "\u{10ffff}".repeat(255);
  const anyId = fc.oneof(anyAccountId, fc.uuid(), fc.constantFrom("", "a", longest, "é", "a\0"));
  const boundaries = [0, 32, 53, 64, 96, 119].flatMap((bits) =>
    [-1n, 0n, 1n].map((difference) => 2n ** BigInt(bits) + difference),
  );
  const anyUsage = fc
    .tuple(
      fc.oneof(fc.bigInt(0n, 10n ** 36n - 1n), fc.constantFrom(...boundaries)),
      fc.integer({ min: 0, max: 18 }),
    )
    .map(([units, scale]) => toUsage(units % 10n ** BigInt(18 + scale), scale));

  it("returns the ids and the usages as they were added, and their sum", () => {
    holds(150, fc.array(fc.tuple(anyId, anyUsage), { maxLength: 300, size: "max" }), (added) => {
      const expected = new Map<string, Usage>();
      const usages = new AccountUsages();
      for (const [accountId, usage] of added) {
        expect(usages.has(accountId)).to.equal(expected.has(accountId));
        if (expected.has(accountId)) continue;
        expected.set(accountId, usage);
        usages.add(accountId, usage);
      }
      usages.endInput();
      const scale = Math.max(0, ...[...expected.values()].map((usage) => usage.scale));
      const unitsIn = (usage: Usage, digits: number) =>
        usage.units * 10n ** BigInt(digits - usage.scale);
      const sumIn = (digits: number) =>
        [...expected.values()].reduce((sum, usage) => sum + unitsIn(usage, digits), 0n);
      expect(read(usages)).to.deep.equal(
        [...expected].map(([accountId, usage]) => [accountId, unitsIn(usage, scale)]),
      );
      expect(usages.totalUnits).to.equal(sumIn(18));
      expect(usages.scaledTotal).to.equal(sumIn(scale));
    });
  });

  it("finds each of 50,000 accounts, and no other", () => {
    const usages = filled(50_000);
    for (let i = 0; i < 50_000; i += 1) {
      if (!usages.has(`account-${i}`)) throw new Error(`account-${i} is missing`);
      if (usages.has(`account-${i}-`)) throw new Error(`account-${i}- was not added`);
    }
    expect(usages.accountIdAt(12_345)).to.equal("account-12345");
    expect(usages.unitsAt(49_999)).to.equal(49_999n);
  });

  it("orders ids by their UTF-8 bytes, and a prefix before the longer id", () => {
    holds(150, fc.tuple(anyId, anyId, fc.constantFrom("", "a", "\u{10000}")), ([a, b, start]) => {
      const usages = new AccountUsages();
      const ids = [start + a, start + b].map((id) => [...id].slice(0, 255).join(""));
      for (const id of ids) usages.add(id, toUsage(1n));
      const [first = "", second = ""] = ids;
      expect(Math.sign(usages.compareIdsAt(0, 1))).to.equal(
        Buffer.compare(Buffer.from(first), Buffer.from(second)),
      );
    });
  });

  it("knows whether two usages are equal", () => {
    holds(150, fc.tuple(anyId, anyUsage, anyUsage), ([id, a, b]) => {
      const usages = new AccountUsages();
      for (const usage of [a, b, a]) usages.add(id, usage);
      expect(usages.hasSameUsage(0, 1)).to.equal(a.units === b.units && a.scale === b.scale);
      expect(usages.hasSameUsage(0, 2)).to.equal(true);
    });
  });

  it("reserves less than 70 bytes for an account with a UUID, and returns those of its index", () => {
    let reserved = 0;
    const usages = new AccountUsages((bytes) => {
      reserved += bytes;
    });
    const count = 125_000;
    for (let i = 0; i < count; i += 1) {
      usages.add(`7e570000-0000-4000-8000-${String(i).padStart(12, "0")}`, toUsage(BigInt(i)));
    }
    expect(reserved / count).to.be.within(40, 70);
    usages.endInput();
    expect(reserved / count).to.be.within(40, 55);
    expect(usages.accountIdAt(1)).to.equal("7e570000-0000-4000-8000-000000000001");
  });

  it("fails before it takes memory that it cannot reserve", () => {
    let left = 2 ** 20;
    const usages = new AccountUsages((bytes) => {
      if (bytes > left) throw new Error("no memory");
      left -= bytes;
    });
    let added = 0;
    const addAll = () => {
      for (; ; added += 1) usages.add(`account-${added}`, toUsage(1n));
    };
    expect(addAll).to.throw("no memory");
    expect(added).to.be.above(1000);
    expect(usages.count).to.equal(added);
  });
});

/** Returns a usage of units × 10^-scale, whose fraction has no trailing zeros. */
function toUsage(units: bigint, scale = 0): Usage {
  return scale > 0 && units % 10n === 0n ? toUsage(units / 10n, scale - 1) : { units, scale };
}

function filled(count: number): AccountUsages {
  const usages = new AccountUsages();
  for (let i = 0; i < count; i += 1) usages.add(`account-${i}`, toUsage(BigInt(i)));
  return usages;
}

function read(usages: AccountUsages): [string, bigint][] {
  return Array.from({ length: usages.count }, (_, i) => [usages.accountIdAt(i), usages.unitsAt(i)]);
}
