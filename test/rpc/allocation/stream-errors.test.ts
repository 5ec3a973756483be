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

describe("StreamAllocateCharges rejects", function () {
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

  /** Returns the error of a stream that ends after its messages. */
  const errorAtEnd = (messages: readonly TestMessage[], protocol: Protocol = "gRPC") => {
    const requests = openRequests(messages);
    requests.end();
    return errorOf(answerOf(service.endpoints[protocol].pricing.streamAllocateCharges(requests)));
  };

  /** Returns the error of a stream that stays open for more messages. */
  const errorWhileOpen = async (messages: readonly TestMessage[], protocol: Protocol) => {
    const requests = openRequests(messages);
    const stream = service.endpoints[protocol].pricing.streamAllocateCharges(requests);
    const error = await errorOf(answerOf(stream));
    requests.end();
    return error;
  };

  for (const protocol of protocols) {
    describe(`through ${protocol}`, () => {
      it("a stream without a message", async () => {
        const error = await errorAtEnd([], protocol);
        expect(error).to.deep.include({
          ...{ code: Code.InvalidArgument, reason: "INVALID_FIELD", fields: ["terms"] },
          descriptions: ["is required in the first message"],
        });
      });

      it("a first message without terms, together with its invalid accounts", async () => {
        const accountUsages = usagesOf({ a: "x" });
        const { code, fields } = await errorWhileOpen([{ accountUsages }], protocol);
        expect(code).to.equal(Code.InvalidArgument);
        expect(fields).to.have.members(["terms", "account_usages[0].usage"]);
      });

      it("terms in a later message, even if they are the same", async () => {
        const terms = termsOf();
        const error = await errorWhileOpen([{ terms }, { terms }], protocol);
        expect(error).to.deep.include({
          ...{ code: Code.InvalidArgument, reason: "INVALID_FIELD", fields: ["terms"] },
          descriptions: ["is given again; allowed: in the first message only"],
        });
      });

      it("all invalid fields and accounts at once, before the stream ends", async () => {
        const terms = termsOf({ chargeType: "", providerCost: "1e3", currencyCode: "" });
        const accountUsages = usagesOf({ "": "1", a: "-1" });
        const { code, fields } = await errorWhileOpen([{ terms, accountUsages }], protocol);
        expect(code).to.equal(Code.InvalidArgument);
        expect(fields).to.have.members([
          "terms.charge_type",
          "terms.provider_cost",
          "terms.rounding.scale",
          "account_usages[0].account_id",
          "account_usages[1].usage",
        ]);
      });

      it("a key without a price, before the stream ends", async () => {
        const terms = termsOf({ model: `${key.model}x`, asOf: at("2026-01-01") });
        const error = await errorWhileOpen([{ terms, accountUsages: one }], protocol);
        expect(error).to.include({ code: Code.NotFound, reason: "PRICE_NOT_FOUND" });
        expect(error.metadata.nearest_1).to.equal(`completion/acme/${key.model}`);
      });

      it("an account of an earlier message, with its index in the stream", async () => {
        const error = await errorWhileOpen(
          [
            { terms: termsOf(), accountUsages: one },
            { accountUsages: usagesOf({ b: "1" }) },
            { accountUsages: one },
          ],
          protocol,
        );
        expect(error).to.deep.include({
          ...{ code: Code.InvalidArgument, fields: ["account_usages[2].account_id"] },
          descriptions: ['is "a" a second time'],
        });
      });
    });
  }

  it("a sum of usages of 10^18 over several messages", async () => {
    const messages = ["a", "b"].map((id) => ({
      accountUsages: usagesOf({ [id]: "500000000000000000" }),
    }));
    const error = await errorWhileOpen([{ terms: termsOf() }, ...messages], "gRPC");
    expect(error).to.deep.include({ code: Code.InvalidArgument, fields: ["account_usages"] });
  });

  it("the first account above the limit, before the stream ends", async () => {
    const messages = [
      { terms: termsOf(), accountUsages: usagesOf({ a: "1", b: "1" }) },
      { accountUsages: usagesOf({ c: "1" }) },
      { accountUsages: usagesOf({ d: "1" }) },
    ];
    const error = await errorWhileOpen(messages, "gRPC");
    expect(error).to.deep.include({ code: Code.InvalidArgument, fields: ["account_usages"] });
    expect(error.message).to.include("at most 3 (MAX_ALLOCATION_ACCOUNTS)");
  });

  it("a split without any usage, at the end of the stream", async () => {
    for (const accountUsages of [[], usagesOf({ a: "0", b: "0" })]) {
      const error = await errorAtEnd([{ terms: termsOf() }, { accountUsages }]);
      expect(error).to.include({ code: Code.FailedPrecondition, reason: "NO_USAGE" });
    }
  });

  it("a book version that is not reached in time", async () => {
    const terms = termsOf({ minBookVersion: 1_000_000n });
    const error = await errorWhileOpen([{ terms }], "gRPC");
    expect(error).to.include({ code: Code.Unavailable, reason: "BOOK_BEHIND" });
  });

  it("a message above 4 MiB, but not several messages that are larger together", async () => {
    const accountUsages = Array.from({ length: 3 }, (_, i) => ({
      ...{ accountId: `${i}`, usage: "0".repeat(2 * 1024 * 1024) },
    }));
    const { code } = await errorWhileOpen([{ terms: termsOf(), accountUsages }], "gRPC");
    expect(code).to.equal(Code.ResourceExhausted);
    const separate = accountUsages.map((usage) => ({ accountUsages: [usage] }));
    const error = await errorWhileOpen([{ terms: termsOf() }, ...separate], "gRPC");
    expect(error).to.deep.include({
      code: Code.InvalidArgument,
      fields: ["account_usages[0].usage"],
    });
  });
});
