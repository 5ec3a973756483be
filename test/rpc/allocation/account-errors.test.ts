import { Code } from "@connectrpc/connect";
import { expect } from "chai";
import { type TestUsage, usagesOf } from "../../support/allocations.js";
import { freshPrice, type TestKey } from "../../support/prices.js";
import { errorOf } from "../../support/received-errors.js";
import { startTestService, type TestService } from "../../support/service.js";

describe("The account errors of AllocateCharges", () => {
  let service: TestService;
  let key: TestKey;
  before(async () => {
    service = await startTestService();
    ({ key } = await freshPrice(service, "1", new Date("2020-01-01")));
  });
  after(() => service.stop());

  const allocate = (accountUsages: readonly TestUsage[], changes: object = {}) =>
    service.pricing.allocateCharges({
      terms: { ...key, providerCost: "100", currencyCode: "USD", ...changes },
      accountUsages: [...accountUsages],
    });
  const fieldsOf = async (accountUsages: readonly TestUsage[], changes: object = {}) => {
    const { code, reason, fields } = await errorOf(allocate(accountUsages, changes));
    expect({ code, reason }).to.deep.equal({ code: Code.InvalidArgument, reason: "INVALID_FIELD" });
    return fields;
  };
  const one = usagesOf({ a: "1" });

  const malformed = [
    ..."| |1e3|+1| 1|1 |1.|.5|0x10|NaN|Infinity|1,5|1_000|--1|-|-1|-0.1|.".split("|"),
    ...["١", "１", "1\n", "1\0", "0.0000000000000000001"],
    ...["1000000000000000000", "1000000000000000000.5", "9".repeat(100_000)],
  ];
  for (const usage of malformed) {
    const shown = usage.length > 40 ? "100,000 digits" : JSON.stringify(usage);
    it(`reject a usage of ${shown}, with the index of the account`, async () => {
      const usages = [...one, { accountId: "b", usage }];
      expect(await fieldsOf(usages)).to.deep.equal(["account_usages[1].usage"]);
    });
  }

  const ids = [
    ["empty", ""],
    ["of 256 characters", "x".repeat(256)],
    ["of 256 characters outside the basic plane", "😀".repeat(256)],
    ["with a NUL", "a\0"],
    ["with a line feed", "a\n"],
    ["with a DEL", "a\u007f"],
    ["with a control character above ASCII", "a\u0085"],
    ["of a space", " "],
    ["that begins with a space", " a"],
    ["that ends with a no-break space", "a\u00a0"],
  ] as const;
  for (const [what, accountId] of ids) {
    it(`reject an account id ${what}`, async () => {
      const usages = [...one, { accountId, usage: "1" }];
      expect(await fieldsOf(usages)).to.deep.equal(["account_usages[1].account_id"]);
    });
  }

  it("accept account ids of 255 characters, and of a quote or a line separator", async () => {
    const longest = ["x".repeat(255), "😀".repeat(255), '"', "\u2028"];
    const { accountCharges } = await allocate(
      longest.map((accountId) => ({ accountId, usage: "1" })),
    );
    expect(accountCharges.map(({ accountId }) => accountId)).to.deep.equal(longest);
  });

  it("reject a duplicate account, with its second index", async () => {
    const usages = [...usagesOf({ a: "1", b: "1" }), ...usagesOf({ c: "1" }), ...one];
    const error = await errorOf(allocate(usages));
    expect(error.fields).to.deep.equal(["account_usages[3].account_id"]);
    expect(error.descriptions).to.deep.equal(['is "a" a second time']);
  });

  it("reject a duplicate account, also when its first usage is malformed", async () => {
    const usages = [{ accountId: "a", usage: "x" }, ...one];
    expect(await fieldsOf(usages)).to.deep.equal([
      "account_usages[0].usage",
      "account_usages[1].account_id",
    ]);
  });

  it("accept accounts that differ only in case, in a space or in Unicode normalization", async () => {
    const accountIds = ["a", "A", "a  a", "a a", "\u00e9", "e\u0301"];
    const { totals } = await allocate(accountIds.map((accountId) => ({ accountId, usage: "1" })));
    expect(totals?.accountCount).to.equal(6n);
  });

  it("reject a sum of usages of 10^18, and accept one just below", async () => {
    const half = "500000000000000000";
    const error = await errorOf(allocate(usagesOf({ a: half, b: half })));
    expect(error).to.deep.include({ code: Code.InvalidArgument, fields: ["account_usages"] });
    expect(error.message).to.include("below 10^18");
    const { totals } = await allocate(usagesOf({ a: half, b: "499999999999999999.999999999" }));
    expect(totals?.totalUsage).to.equal("999999999999999999.999999999");
  });

  it("list about 20 of many invalid accounts, beside the other invalid fields", async () => {
    const usages = Array.from({ length: 1000 }, () => ({ accountId: "", usage: "x" }));
    const fields = await fieldsOf(usages, { providerCost: "" });
    expect(fields).to.include("terms.provider_cost");
    expect(fields).to.include("account_usages[0].account_id");
    expect(fields).to.have.length.within(19, 22);
  });
});
