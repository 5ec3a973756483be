import { create } from "@bufbuild/protobuf";
import { type Timestamp, TimestampSchema } from "@bufbuild/protobuf/wkt";
import { Code } from "@connectrpc/connect";
import { expect } from "chai";
import { formatAddress } from "../../../src/config/address.js";
import { RoundingMode } from "../../../src/gen/llmprices/v1/charge_pb.js";
import { lineOf } from "../../support/batches.js";
import {
  at,
  byKey,
  freshPrice,
  registerNames,
  type TestKey,
  textOf,
} from "../../support/prices.js";
import { errorOf } from "../../support/received-errors.js";
import { protocols, startTestService, type TestService } from "../../support/service.js";

const { HALF_EVEN, HALF_UP, HALF_DOWN, UP, DOWN, CEILING } = RoundingMode;

type Changes = Readonly<Record<string, unknown>>;

let service: TestService;
const ratio = (value: string) => ({ case: "accountUsageRatio" as const, value });
const part = (usage: string, totalUsage: string) => ({
  usageRatio: { case: "accountUsage" as const, value: { usage, totalUsage } },
});

/** Calculates the charge of a cost of 100 and the whole usage, with the changes of a test. */
const calculate = (key: TestKey, changes: Changes = {}) =>
  service.pricing.calculateCharge({
    ...key,
    providerCost: "100",
    usageRatio: ratio("1"),
    ...changes,
  });

/** Calls would wait this long for a version that comes. */
const stalenessMs = 10_000;

describe("CalculateCharge", () => {
  before(async () => {
    service = await startTestService({ maxBookStalenessMs: stalenessMs });
  });
  after(() => service.stop());

  describe("arithmetic", () => {
    const keys = new Map<string, Promise<TestKey>>();
    /** Returns a key that has had this price since 2020. Creates each key once. */
    const keyAt = (price: string): Promise<TestKey> => {
      const known = keys.get(price);
      if (known !== undefined) return known;
      const created = freshPrice(service, price, new Date("2020-01-01")).then(({ key }) => key);
      keys.set(price, created);
      return created;
    };

    const examples = [
      ["1000.00", "1.25125", "0.25", "312.8125"],
      ["0.000123", "1.15", "1", "0.00014145"],
      // x + x ÷ 10^10 has 28 fraction digits.
      [
        "123456789012345678.123456789012345678",
        "1.0000000001",
        "1",
        "123456789024691357.0246913568246913569012345678",
      ],
      // The smallest of each: 10^-18 × 10^-10 × 10^-18.
      [
        "0.000000000000000001",
        "0.0000000001",
        "0.000000000000000001",
        "0.0000000000000000000000000000000000000000000001",
      ],
      // The largest of each: (10^18 - 10^-18) × 1000.
      [
        "999999999999999999.999999999999999999",
        "1000",
        "1",
        "999999999999999999999.999999999999999",
      ],
      ["100", "0", "1", "0"],
      ["100", "1.25", "0", "0"],
      ["-10", "1.25", "0.5", "-6.25"],
      ["-0", "1.25", "1", "0"],
      ["-10", "0", "1", "0"],
      ["007.50", "1", "1.000", "7.5"],
    ] as const;
    for (const [providerCost, markup, usageRatio, accountCharge] of examples) {
      it(`calculates ${providerCost} × ${markup} × ${usageRatio} exactly: ${accountCharge}`, async () => {
        const response = await calculate(await keyAt(markup), {
          providerCost,
          usageRatio: ratio(usageRatio),
        });
        expect(response).to.deep.include({ accountCharge, markup, exact: true });
        expect(response.rounding).to.equal(undefined);
      });
    }

    it("rounds a repeating decimal to 18 digits, HALF_EVEN, and returns the rounding", async () => {
      const key = await keyAt("1");
      const third = await calculate(key, { providerCost: "1", ...part("1", "3") });
      expect(third).to.deep.include({ accountCharge: "0.333333333333333333", exact: false });
      expect(third.rounding).to.deep.include({ scale: 18, mode: HALF_EVEN });
      const twoThirds = await calculate(key, { providerCost: "1", ...part("2", "3") });
      expect(twoThirds.accountCharge).to.equal("0.666666666666666667");
    });

    it("is exact when the decimal terminates: a third of 3, an eighth of 1", async () => {
      const key = await keyAt("1");
      const third = await calculate(key, { providerCost: "3", ...part("0.1", "0.3") });
      expect(third).to.deep.include({ accountCharge: "1", exact: true });
      const eighth = await calculate(key, { providerCost: "1", ...part("1", "8") });
      expect(eighth).to.deep.include({ accountCharge: "0.125", exact: true });
    });

    it("is exact up to 46 fraction digits, and rounds a value with 47", async () => {
      const key = await keyAt("1");
      // 2^-46 has 46 fraction digits, 2^-47 has 47.
      const { exact } = await calculate(key, {
        providerCost: "1",
        ...part("1", String(2 ** 46)),
      });
      const tooLong = await calculate(key, { providerCost: "1", ...part("1", String(2 ** 47)) });
      expect(exact).to.equal(true);
      // 2^-47 = 7.1054273576010018587e-15.
      expect(tooLong).to.deep.include({ accountCharge: "0.000000000000007105", exact: false });
    });

    const roundings = [
      // One of three accounts: 33.333...
      ["100", part("1", "3"), 2, HALF_EVEN, "33.33", false],
      ["0.0000015", {}, 6, HALF_UP, "0.000002", false],
      ["0.0000025", {}, 6, HALF_EVEN, "0.000002", false],
      ["312.8125", {}, 6, HALF_EVEN, "312.812500", true],
      ["312.8125", {}, 4, DOWN, "312.8125", true],
      ["312.8125", {}, 3, DOWN, "312.812", false],
      ["-0.4", {}, 0, HALF_UP, "0", false],
      ["-0.004", {}, 2, CEILING, "0.00", false],
      ["0", {}, 2, UP, "0.00", true],
      // Values that differ from a half, or from 0, by less than 10^-18.
      ["1.000000000000000001", part("1", "2"), 0, HALF_DOWN, "1", false],
      ["0.999999999999999999", part("1", "2"), 0, HALF_UP, "0", false],
      ["0.000000000000000001", part("1", "999999999"), 0, UP, "1", false],
    ] as const;
    for (const [providerCost, changes, scale, mode, accountCharge, exact] of roundings) {
      const usage = "usageRatio" in changes ? changes.usageRatio.value : undefined;
      const of = usage ? ` × ${usage.usage} of ${usage.totalUsage}` : "";
      const how = `${RoundingMode[mode]} at scale ${scale}`;
      it(`rounds ${providerCost}${of} ${how} to ${accountCharge}`, async () => {
        const response = await calculate(await keyAt("1"), {
          providerCost,
          ...changes,
          rounding: { scale, mode },
        });
        expect(response).to.deep.include({ accountCharge, exact });
        expect(response.rounding).to.deep.include({ scale, mode });
      });
    }

    const modes = [
      ["2.5", { HALF_EVEN: "2", HALF_UP: "3", HALF_DOWN: "2" }],
      ["3.5", { HALF_EVEN: "4", HALF_UP: "4", HALF_DOWN: "3" }],
      ["-2.5", { HALF_EVEN: "-2", HALF_UP: "-3", HALF_DOWN: "-2" }],
      ["2.1", { HALF_EVEN: "2", HALF_UP: "2", HALF_DOWN: "2" }],
      ["2.1", { UP: "3", DOWN: "2", CEILING: "3", FLOOR: "2" }],
      ["-2.1", { UP: "-3", DOWN: "-2", CEILING: "-2", FLOOR: "-3" }],
      ["2.9", { UP: "3", DOWN: "2", CEILING: "3", FLOOR: "2" }],
      ["-2.9", { UP: "-3", DOWN: "-2", CEILING: "-2", FLOOR: "-3" }],
      ["-2.9", { HALF_EVEN: "-3", HALF_UP: "-3", HALF_DOWN: "-3" }],
    ] as const;
    for (const [providerCost, expected] of modes) {
      const results = Object.entries(expected).map(([mode, charge]) => `${charge} by ${mode}`);
      it(`rounds ${providerCost} to ${results.join(", ")}`, async () => {
        const key = await keyAt("1");
        for (const [mode, charge] of Object.entries(expected)) {
          const rounding = { scale: 0, mode: RoundingMode[mode as keyof typeof RoundingMode] };
          const { accountCharge } = await calculate(key, { providerCost, rounding });
          expect(accountCharge, mode).to.equal(charge);
        }
      });
    }

    it("returns HALF_EVEN when no mode is given", async () => {
      const response = await calculate(await keyAt("1"), {
        providerCost: "2.5",
        rounding: { scale: 0 },
      });
      expect(response).to.deep.include({ accountCharge: "2", exact: false });
      expect(response.rounding).to.deep.include({ scale: 0, mode: HALF_EVEN });
    });

    it("returns the currency, and does not convert or round by it", async () => {
      const response = await calculate(await keyAt("1"), {
        providerCost: "0.123",
        currencyCode: "JPY",
      });
      expect(response).to.deep.include({ accountCharge: "0.123", currencyCode: "JPY" });
    });

    const minorUnits = [
      ...[["JPY", "12"] as const, ["USD", "12.35"] as const, ["KWD", "12.346"] as const],
      // As ISO 4217 says. Unicode's CLDR has 0 for both.
      ...[["IQD", "12.346"] as const, ["LBP", "12.35"] as const],
      // Later than the list of the package, and withdrawn.
      ...[["XCG", "12.35"] as const, ["XAD", "12.35"] as const, ["HRK", "12.35"] as const],
      ...[["ANG", "12.35"] as const, ["BGN", "12.35"] as const, ["SLL", "12.35"] as const],
      ...[["ZWL", "12.35"] as const, ["BYR", "12"] as const],
    ] as const;
    for (const [currencyCode, charge] of minorUnits) {
      it(`rounds to the minor unit of ${currencyCode} when a rounding has no scale`, async () => {
        const key = await keyAt("1");
        for (const rounding of [{}, { mode: HALF_EVEN }]) {
          const terms = { providerCost: "12.3456", currencyCode, rounding };
          expect(await calculate(key, terms)).to.include({ accountCharge: charge, exact: false });
        }
      });
    }

    it("says in JSON that a charge is not exact", async () => {
      const json = { ...(await keyAt("1")), providerCost: "0.126", accountUsageRatio: "1" };
      const address = formatAddress(service.server.httpAddress);
      const response = await fetch(
        `http://${address}/llmprices.v1.PricingService/CalculateCharge`,
        {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify({ ...json, rounding: { scale: 2 } }),
        },
      );
      const rounded = await response.json();
      expect(rounded).to.include({ accountCharge: "0.13", exact: false, currencyCode: "" });
    });
  });

  describe("with a reference", () => {
    for (const protocol of protocols) {
      it(`returns it unchanged through ${protocol}`, async () => {
        const { key } = await freshPrice(service, "1");
        const { pricing } = service.endpoints[protocol];
        const references = ["", "line 7", " a\u0000\n ", "x".repeat(255), "😀".repeat(255)];
        for (const reference of references) {
          const line = lineOf(key, { reference });
          expect((await pricing.calculateCharge(line)).reference).to.equal(reference);
        }
      });
    }
  });

  describe("at an instant", () => {
    const ended = async () => {
      const { key, id } = await freshPrice(service, "1.25", new Date("2020-01-01"));
      const effectiveFrom = at("2100-01-01");
      const { bookVersion } = await service.pricing.deleteLLMPrice({
        lookup: byKey(key),
        effectiveFrom,
      });
      return { key, id, bookVersion };
    };

    it("is NOT_FOUND one millisecond before the first revision begins, and found at its start", async () => {
      const { key } = await ended();
      const error = await errorOf(calculate(key, { asOf: at("2019-12-31T23:59:59.999Z") }));
      expect(error).to.include({ code: Code.NotFound, reason: "PRICE_NOT_FOUND" });
      const { markup } = await calculate(key, { asOf: at("2020-01-01") });
      expect(markup).to.equal("1.25");
    });

    it("is found one millisecond before the end, and NOT_FOUND at the end", async () => {
      const { key } = await ended();
      const { markup } = await calculate(key, { asOf: at("2099-12-31T23:59:59.999Z") });
      expect(markup).to.equal("1.25");
      const error = await errorOf(calculate(key, { asOf: at("2100-01-01") }));
      expect(error).to.include({ code: Code.NotFound, reason: "PRICE_NOT_FOUND" });
    });

    it("applies the new price from its first millisecond on", async () => {
      const { key } = await freshPrice(service, "1", new Date("2020-01-01"));
      const effectiveFrom = at("2100-01-01");
      await service.pricing.updateLLMPrice({ lookup: byKey(key), price: "2", effectiveFrom });
      const markupAt = async (time: string) => (await calculate(key, { asOf: at(time) })).markup;
      expect(await markupAt("2099-12-31T23:59:59.999Z")).to.equal("1");
      expect(await markupAt("2100-01-01")).to.equal("2");
    });

    it("truncates an as_of to its millisecond", async () => {
      const { key } = await ended();
      const lastNanosecond = create(TimestampSchema, {
        ...at("2099-12-31T23:59:59.999Z"),
        nanos: 999_999_999,
      });
      const { asOf } = await calculate(key, { asOf: lastNanosecond });
      expect(textOf(asOf)).to.equal("2099-12-31T23:59:59.999Z");
    });

    it("returns the as_of that it used, at which the charge stays the same", async () => {
      const { key } = await freshPrice(service, "1.25", new Date("2020-01-01"));
      const first = await calculate(key);
      await service.pricing.updateLLMPrice({ lookup: byKey(key), price: "2" });
      const again = await calculate(key, { asOf: first.asOf as Timestamp });
      expect(again).to.deep.include({ accountCharge: "125", markup: "1.25", asOf: first.asOf });
      expect((await calculate(key)).markup).to.equal("2");
    });

    it("returns the id, the times and the book version of the applied price", async () => {
      const { key, id, bookVersion } = await ended();
      const { appliedPrice } = await calculate(key);
      expect(appliedPrice).to.deep.include({ llmPriceId: id, bookVersion });
      expect(textOf(appliedPrice?.effectiveFrom)).to.equal("2020-01-01T00:00:00.000Z");
      expect(textOf(appliedPrice?.effectiveUntil)).to.equal("2100-01-01T00:00:00.000Z");
    });

    it("leaves effective_until unset when the price has no end", async () => {
      const { key } = await freshPrice(service, "1");
      const { appliedPrice } = await calculate(key);
      expect(appliedPrice?.effectiveUntil).to.equal(undefined);
    });

    it("rejects a time that no Timestamp can hold, and accepts the first and the last", async () => {
      const { key } = await freshPrice(service, "1", new Date("2020-01-01"));
      const rejected = [
        { seconds: 253_402_300_800n, nanos: 0 },
        { seconds: -62_135_596_801n, nanos: 999_999_999 },
        { seconds: 0n, nanos: -1 },
        { seconds: 0n, nanos: 1_000_000_000 },
      ];
      for (const asOf of rejected) {
        const { code, fields } = await errorOf(calculate(key, { asOf }));
        expect({ code, fields }).to.deep.equal({ code: Code.InvalidArgument, fields: ["as_of"] });
      }
      const first = await errorOf(calculate(key, { asOf: { seconds: -62_135_596_800n } }));
      expect(first.reason).to.equal("PRICE_NOT_FOUND");
      expect(first.metadata.as_of).to.equal("0001-01-01T00:00:00.000Z");
      const last = await calculate(key, {
        asOf: { seconds: 253_402_300_799n, nanos: 999_000_000 },
      });
      expect(textOf(last.asOf)).to.equal("9999-12-31T23:59:59.999Z");
    });
  });

  describe("and the price book", () => {
    it("uses a write whose book_version the call requests", async () => {
      const { key } = await freshPrice(service, "1", new Date("2020-01-01"));
      const { bookVersion } = await service.pricing.updateLLMPrice({
        lookup: byKey(key),
        price: "2",
      });
      const { markup, appliedPrice } = await calculate(key, { minBookVersion: bookVersion });
      expect(markup).to.equal("2");
      expect(appliedPrice?.bookVersion).to.equal(bookVersion);
    });

    it("is UNAVAILABLE at once when no write has made min_book_version", async () => {
      const { key, bookVersion } = await freshPrice(service, "1");
      const startedAt = performance.now();
      const minBookVersion = bookVersion + 1n;
      const error = await errorOf(calculate(key, { minBookVersion }));
      expect(error).to.include({ code: Code.Unavailable, reason: "BOOK_BEHIND" });
      expect(performance.now() - startedAt).to.be.lessThan(stalenessMs / 2);
    });

    it("writes nothing", async () => {
      const { key } = await freshPrice(service, "1");
      const counts = async () => {
        const { rows } = await service.database.knex.raw(`
        select (select version from price_book) as version,
          (select count(*) from llm_prices) as prices,
          (select count(*) from llm_price_revisions) as revisions,
          (select count(*) from models) as models,
          (select count(*) from answered_requests) as answers`);
        return rows[0];
      };
      const before = await counts();
      await calculate(key);
      await errorOf(calculate({ ...key, model: "unknown" }));
      expect(await counts()).to.deep.equal(before);
    });

    it("is NOT_FOUND for a key without a price, with the nearest key in message and metadata", async () => {
      const near = await freshPrice(service, "1", new Date("2020-01-01"));
      const wanted = { ...near.key, model: `${near.key.model}x` };
      const error = await errorOf(calculate(wanted, { asOf: at("2026-01-01") }));
      const nearest = `completion/acme/${near.key.model}`;
      expect(error).to.include({ code: Code.NotFound, reason: "PRICE_NOT_FOUND" });
      expect(error.metadata).to.include({
        key: `completion/acme/${wanted.model}`,
        as_of: "2026-01-01T00:00:00.000Z",
        nearest_1: nearest,
      });
      expect(error.message).to.include(nearest);
    });

    it("matches model names exactly: gpt-4o is neither gpt-4o-mini nor GPT-4o", async () => {
      const key = { chargeType: "completion", provider: "openai", model: "gpt-4o" };
      await registerNames(service, key);
      await service.pricing.createLLMPrice({ ...key, price: "1.25" });
      for (const model of ["gpt-4o-mini", "GPT-4o", "gpt-4"]) {
        const { reason, metadata } = await errorOf(calculate({ ...key, model }));
        expect(reason, model).to.equal("PRICE_NOT_FOUND");
        expect(metadata.nearest_1).to.equal("completion/openai/gpt-4o");
      }
    });
  });

  describe("rejects", () => {
    let key: TestKey;
    before(async () => {
      ({ key } = await freshPrice(service, "1", new Date("2020-01-01")));
    });

    const violationsOf = async (changes: Changes) => {
      const { code, reason, fields } = await errorOf(calculate(key, changes));
      expect({ code, reason }).to.deep.equal({
        code: Code.InvalidArgument,
        reason: "INVALID_FIELD",
      });
      return fields;
    };

    const malformed = [
      ..."| |1e3|1E3|+1| 1|1 |1.|.5|0x10|NaN|Infinity|-Infinity|1,5|1_000|--1|-|.".split("|"),
      ...["١", "1\n", "1\0", "１", "null", "0.0000000000000000001"],
      ...["1000000000000000000", "-1000000000000000000", "9".repeat(1_000_000)],
    ];
    for (const cost of malformed) {
      const shown = cost.length > 40 ? "1,000,000 digits" : JSON.stringify(cost);
      it(`a provider_cost of ${shown}`, async () => {
        expect(await violationsOf({ providerCost: cost })).to.deep.equal(["provider_cost"]);
      });
    }

    for (const value of ["", "-0.1", "1.000000000000000001", "0.0000000000000000001", "1e0"]) {
      it(`an account_usage_ratio of ${JSON.stringify(value)}`, async () => {
        const fields = await violationsOf({ usageRatio: ratio(value) });
        expect(fields).to.deep.equal(["account_usage_ratio"]);
      });
    }

    const usages = [
      ["-1", "3", ["account_usage.usage"]],
      ["4", "3", ["account_usage.usage"]],
      ["0.0000000000000000001", "3", ["account_usage.usage"]],
      ["0", "0", ["account_usage.total_usage"]],
      ["0", "-1", ["account_usage.total_usage"]],
      ["1", "1000000000000000000", ["account_usage.total_usage"]],
      ["1", "3.0000000000000000001", ["account_usage.total_usage"]],
      ["", "", ["account_usage.usage", "account_usage.total_usage"]],
    ] as const;
    for (const [usage, total, fields] of usages) {
      it(`a usage of ${JSON.stringify(usage)} of ${JSON.stringify(total)}`, async () => {
        expect(await violationsOf(part(usage, total))).to.deep.equal(fields);
      });
    }

    const others = [
      ["neither a ratio nor a usage", { usageRatio: undefined }, "account_usage_ratio"],
      [
        "a rounding with neither a scale nor a currency",
        { rounding: { mode: UP } },
        "rounding.scale",
      ],
      [
        "a rounding without a scale in gold, which has no minor unit",
        { rounding: {}, currencyCode: "XAU" },
        "rounding.scale",
      ],
      [
        "a rounding without a scale in an unknown currency",
        { rounding: {}, currencyCode: "ZZZ" },
        "currency_code",
      ],
      ["a scale of -1", { rounding: { scale: -1 } }, "rounding.scale"],
      ["a scale of 19", { rounding: { scale: 19 } }, "rounding.scale"],
      ["a mode that does not exist", { rounding: { scale: 2, mode: 99 } }, "rounding.mode"],
      ["an unknown currency", { currencyCode: "ZZZ" }, "currency_code"],
      ["a currency in lower case", { currencyCode: "usd" }, "currency_code"],
      ["a negative min_book_version", { minBookVersion: -1n }, "min_book_version"],
      ["a charge type in upper case", { chargeType: "Completion" }, "charge_type"],
      ["no charge type", { chargeType: "" }, "charge_type"],
      ["a reference of 256 characters", { reference: "😀".repeat(256) }, "reference"],
      ["a reference of a megabyte", { reference: "x".repeat(1_000_000) }, "reference"],
      ["a provider with a space", { provider: "open ai" }, "provider"],
      ["a model of 256 characters", { model: "m".repeat(256) }, "model"],
      ["a model with a NUL", { model: "m\0" }, "model"],
      ["a model that is not ASCII", { model: "módel" }, "model"],
    ] as const;
    for (const [what, changes, field] of others) {
      it(what, async () => {
        expect(await violationsOf(changes)).to.deep.equal([field]);
      });
    }

    it("all invalid fields at once", async () => {
      const fields = await violationsOf({
        chargeType: "",
        provider: "",
        model: "",
        providerCost: "",
        ...part("x", "0"),
        asOf: { seconds: 0n, nanos: -1 },
        rounding: { scale: 19, mode: 99 },
        currencyCode: "ZZZ",
        minBookVersion: -1n,
      });
      expect(fields).to.have.members([
        "charge_type",
        "provider",
        "model",
        "provider_cost",
        "account_usage.usage",
        "account_usage.total_usage",
        "as_of",
        "rounding.scale",
        "rounding.mode",
        "currency_code",
        "min_book_version",
      ]);
    });
  });
});
