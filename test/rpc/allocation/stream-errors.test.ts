import { Code } from "@connectrpc/connect";
import { expect } from "chai";
import { answerOf, openRequests, type TestMessage, usagesOf } from "../../support/allocations.js";
import { at, freshPrice, type TestKey } from "../../support/prices.js";
import { errorOf } from "../../support/received-errors.js";
import {
  type Protocol,
  protocols,
  startTestService,
  type TestService,
} from "../../support/service.js";

describe("StreamAllocateCharges refuses", function () {
  this.timeout(5000);
  let service: TestService;
  let key: TestKey;
  before(async () => {
    service = await startTestService({ maxBookStalenessMs: 1000, maxAllocationAccounts: 3 });
    ({ key } = await freshPrice(service, "1", new Date("2020-01-01")));
  });
  after(() => service.stop());

  const termsOf = (changes: object = {}) => ({
    ...{ ...key, providerCost: "100", currencyCode: "USD" },
    ...changes,
  });
  const one = usagesOf({ a: "1" });

  /** What a stream that ends after its messages is refused with. */
  const refusalAtTheEnd = (messages: readonly TestMessage[], protocol: Protocol = "gRPC") => {
    const requests = openRequests(messages);
    requests.end();
    return errorOf(answerOf(service.endpoints[protocol].pricing.streamAllocateCharges(requests)));
  };

  /** What a stream is refused with while its caller could still send more. */
  const refusalWhileOpen = async (messages: readonly TestMessage[], protocol: Protocol) => {
    const requests = openRequests(messages);
    const stream = service.endpoints[protocol].pricing.streamAllocateCharges(requests);
    const refusal = await errorOf(answerOf(stream));
    requests.end();
    return refusal;
  };

  for (const protocol of protocols) {
    describe(`through ${protocol}`, () => {
      it("a stream without a message", async () => {
        const refusal = await refusalAtTheEnd([], protocol);
        expect(refusal).to.deep.include({
          ...{ code: Code.InvalidArgument, reason: "INVALID_FIELD", fields: ["terms"] },
          descriptions: ["is required in the first message"],
        });
      });

      it("a first message without terms, beside what is wrong with its accounts", async () => {
        const accountUsages = usagesOf({ a: "x" });
        const { code, fields } = await refusalWhileOpen([{ accountUsages }], protocol);
        expect(code).to.equal(Code.InvalidArgument);
        expect(fields).to.have.members(["terms", "account_usages[0].usage"]);
      });

      it("terms in a later message, be they the same", async () => {
        const terms = termsOf();
        const refusal = await refusalWhileOpen([{ terms }, { terms }], protocol);
        expect(refusal).to.deep.include({
          ...{ code: Code.InvalidArgument, reason: "INVALID_FIELD", fields: ["terms"] },
          descriptions: ["is given again; allowed: in the first message only"],
        });
      });

      it("all that is wrong with terms and accounts at once, before more is sent", async () => {
        const terms = termsOf({ chargeType: "", providerCost: "1e3", currencyCode: "" });
        const accountUsages = usagesOf({ "": "1", a: "-1" });
        const { code, fields } = await refusalWhileOpen([{ terms, accountUsages }], protocol);
        expect(code).to.equal(Code.InvalidArgument);
        expect(fields).to.have.members([
          "terms.charge_type",
          "terms.provider_cost",
          "terms.rounding.scale",
          "account_usages[0].account_id",
          "account_usages[1].usage",
        ]);
      });

      it("a key without a price, before more is sent", async () => {
        const terms = termsOf({ model: `${key.model}x`, asOf: at("2026-01-01") });
        const refusal = await refusalWhileOpen([{ terms, accountUsages: one }], protocol);
        expect(refusal).to.include({ code: Code.NotFound, reason: "PRICE_NOT_FOUND" });
        expect(refusal.metadata.nearest_1).to.equal(`completion/acme/${key.model}`);
      });

      it("an account of an earlier message, by its index in the stream", async () => {
        const refusal = await refusalWhileOpen(
          [
            { terms: termsOf(), accountUsages: one },
            { accountUsages: usagesOf({ b: "1" }) },
            { accountUsages: one },
          ],
          protocol,
        );
        expect(refusal).to.deep.include({
          ...{ code: Code.InvalidArgument, fields: ["account_usages[2].account_id"] },
          descriptions: ['is "a" a second time'],
        });
      });
    });
  }

  it("usages that reach 10^18 over several messages", async () => {
    const messages = ["a", "b"].map((id) => ({
      accountUsages: usagesOf({ [id]: "500000000000000000" }),
    }));
    const refusal = await refusalWhileOpen([{ terms: termsOf() }, ...messages], "gRPC");
    expect(refusal).to.deep.include({ code: Code.InvalidArgument, fields: ["account_usages"] });
  });

  it("the account behind the last that the service takes, before more is sent", async () => {
    const messages = [
      { terms: termsOf(), accountUsages: usagesOf({ a: "1", b: "1" }) },
      { accountUsages: usagesOf({ c: "1" }) },
      { accountUsages: usagesOf({ d: "1" }) },
    ];
    const refusal = await refusalWhileOpen(messages, "gRPC");
    expect(refusal).to.deep.include({ code: Code.InvalidArgument, fields: ["account_usages"] });
    expect(refusal.message).to.include("at most 3 (MAX_ALLOCATION_ACCOUNTS)");
  });

  it("to split by no usage at all, when all has been sent", async () => {
    for (const accountUsages of [[], usagesOf({ a: "0", b: "0" })]) {
      const refusal = await refusalAtTheEnd([{ terms: termsOf() }, { accountUsages }]);
      expect(refusal).to.include({ code: Code.FailedPrecondition, reason: "NO_USAGE" });
    }
  });

  it("to wait for a book version that does not come", async () => {
    const terms = termsOf({ minBookVersion: 1_000_000n });
    const refusal = await refusalWhileOpen([{ terms }], "gRPC");
    expect(refusal).to.include({ code: Code.Unavailable, reason: "BOOK_BEHIND" });
  });

  it("a message above 4 MiB, and takes several that are larger together", async () => {
    const accountUsages = Array.from({ length: 3 }, (_, i) => ({
      ...{ accountId: `${i}`, usage: "0".repeat(2 * 1024 * 1024) },
    }));
    const { code } = await refusalWhileOpen([{ terms: termsOf(), accountUsages }], "gRPC");
    expect(code).to.equal(Code.ResourceExhausted);
    const apart = accountUsages.map((usage) => ({ accountUsages: [usage] }));
    const refusal = await refusalWhileOpen([{ terms: termsOf() }, ...apart], "gRPC");
    expect(refusal).to.deep.include({
      code: Code.InvalidArgument,
      fields: ["account_usages[0].usage"],
    });
  });
});
