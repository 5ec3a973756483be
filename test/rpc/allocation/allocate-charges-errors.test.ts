import { Code } from "@connectrpc/connect";
import { expect } from "chai";
import { type TestUsage, usagesOf } from "../../support/allocations.js";
import { at, freshPrice, type TestKey } from "../../support/prices.js";
import { errorOf } from "../../support/received-errors.js";
import {
  type Protocol,
  protocols,
  startTestService,
  type TestService,
} from "../../support/service.js";

describe("AllocateCharges rejects", () => {
  let service: TestService;
  let key: TestKey;
  before(async () => {
    service = await startTestService({ maxBookStalenessMs: 1000 });
    ({ key } = await freshPrice(service, "1", new Date("2020-01-01")));
  });
  after(() => service.stop());

  const allocate = (
    accountUsages: readonly TestUsage[],
    changes: object = {},
    protocol: Protocol = "gRPC",
  ) =>
    service.endpoints[protocol].pricing.allocateCharges({
      terms: { ...key, providerCost: "100", currencyCode: "USD", ...changes },
      accountUsages: [...accountUsages],
    });
  const fieldsOf = async (accountUsages: readonly TestUsage[], changes: object = {}) => {
    const { code, reason, fields } = await errorOf(allocate(accountUsages, changes));
    expect({ code, reason }).to.deep.equal({ code: Code.InvalidArgument, reason: "INVALID_FIELD" });
    return fields;
  };
  const one = usagesOf({ a: "1" });

  const invalidFields = [
    ["a malformed cost", { providerCost: "1e3" }, "provider_cost"],
    ["no cost", { providerCost: "" }, "provider_cost"],
    ["a cost of 10^18", { providerCost: "1000000000000000000" }, "provider_cost"],
    ["19 fraction digits", { providerCost: "0.0000000000000000001" }, "provider_cost"],
    ["no charge type", { chargeType: "" }, "charge_type"],
    ["a provider with a space", { provider: "open ai" }, "provider"],
    ["a model with a NUL", { model: "m\0" }, "model"],
    ["a time that no Timestamp can hold", { asOf: { seconds: 0n, nanos: -1 } }, "as_of"],
    ["a scale of 19", { rounding: { scale: 19 } }, "rounding.scale"],
    ["a scale of -1", { rounding: { scale: -1 } }, "rounding.scale"],
    ["a mode that does not exist", { rounding: { mode: 99 } }, "rounding.mode"],
    ["neither a scale nor a currency", { currencyCode: "" }, "rounding.scale"],
    ["a mode alone", { currencyCode: "", rounding: { mode: 1 } }, "rounding.scale"],
    ["gold, which has no minor unit, without a scale", { currencyCode: "XAU" }, "rounding.scale"],
    ["an unknown currency, without a scale", { currencyCode: "ZZZ" }, "currency_code"],
    ["a currency in lower case", { currencyCode: "usd", rounding: { scale: 2 } }, "currency_code"],
    ["a negative min_book_version", { minBookVersion: -1n }, "min_book_version"],
  ] as const;
  for (const [what, changes, field] of invalidFields) {
    it(what, async () => {
      expect(await fieldsOf(one, changes)).to.deep.equal([`terms.${field}`]);
    });
  }

  for (const protocol of protocols) {
    it(`all invalid fields and accounts at once, through ${protocol}`, async () => {
      const usages = usagesOf({ a: "1", "": "1", b: "x", "c\n": "-1" });
      const changes = { chargeType: "", providerCost: "1e3", currencyCode: "" };
      const { code, fields } = await errorOf(allocate([...usages, ...one], changes, protocol));
      expect(code).to.equal(Code.InvalidArgument);
      expect(fields).to.have.members([
        "terms.charge_type",
        "terms.provider_cost",
        "terms.rounding.scale",
        "account_usages[1].account_id",
        "account_usages[2].usage",
        "account_usages[3].account_id",
        "account_usages[3].usage",
        "account_usages[4].account_id",
      ]);
    });

    it(`a key without a price: NOT_FOUND with the nearest key, through ${protocol}`, async () => {
      const model = `${key.model}x`;
      const asOf = at("2026-01-01");
      const error = await errorOf(allocate(one, { model, asOf }, protocol));
      expect(error).to.include({ code: Code.NotFound, reason: "PRICE_NOT_FOUND" });
      expect(error.metadata).to.include({
        key: `completion/acme/${model}`,
        as_of: "2026-01-01T00:00:00.000Z",
        nearest_1: `completion/acme/${key.model}`,
      });
    });

    it(`a split without any usage: FAILED_PRECONDITION, through ${protocol}`, async () => {
      for (const usages of [[], usagesOf({ a: "0", b: "0.000000000" })]) {
        const error = await errorOf(allocate(usages, {}, protocol));
        expect(error).to.include({ code: Code.FailedPrecondition, reason: "NO_USAGE" });
      }
    });

    it(`a message above 4 MiB: RESOURCE_EXHAUSTED, through ${protocol}`, async () => {
      const usages = Array.from({ length: 5000 }, (_, i) => ({
        accountId: `${i}`,
        usage: "1".repeat(1000),
      }));
      const { code } = await errorOf(allocate(usages, {}, protocol));
      expect(code).to.equal(Code.ResourceExhausted);
    });
  }

  it("a book version that is not reached in time: UNAVAILABLE", async () => {
    const error = await errorOf(allocate(one, { minBookVersion: 1_000_000n }));
    expect(error).to.include({ code: Code.Unavailable, reason: "BOOK_BEHIND" });
  });

  it("an as_of one millisecond before the price begins: NOT_FOUND", async () => {
    const error = await errorOf(allocate(one, { asOf: at("2019-12-31T23:59:59.999Z") }));
    expect(error).to.include({ code: Code.NotFound, reason: "PRICE_NOT_FOUND" });
    const { totals } = await allocate(one, { asOf: at("2020-01-01") });
    expect(totals?.totalCharge).to.equal("100.00");
  });
});

describe("AllocateCharges with a limit of 3 accounts", () => {
  let service: TestService;
  let key: TestKey;
  before(async () => {
    service = await startTestService({ maxAllocationAccounts: 3 });
    ({ key } = await freshPrice(service, "1"));
  });
  after(() => service.stop());

  const allocate = (usages: readonly TestUsage[]) =>
    service.pricing.allocateCharges({
      terms: { ...key, providerCost: "1", currencyCode: "USD" },
      accountUsages: [...usages],
    });

  it("splits over 3 accounts, and rejects 4 with the limit in the message", async () => {
    const { totals } = await allocate(usagesOf({ a: "1", b: "1", c: "1" }));
    expect(totals?.accountCount).to.equal(3n);
    const error = await errorOf(allocate(usagesOf({ a: "1", b: "1", c: "1", d: "1" })));
    expect(error).to.deep.include({ code: Code.InvalidArgument, fields: ["account_usages"] });
    expect(error.message).to.include("at most 3 (MAX_ALLOCATION_ACCOUNTS)");
  });
});
