import { Code } from "@connectrpc/connect";
import { expect } from "chai";
import { RepriceGroupBy } from "../../../src/gen/llmprices/v1/reprice_pb.js";
import { openRequests } from "../../support/allocations.js";
import { at, freshPrice, type TestKey } from "../../support/prices.js";
import { errorOf } from "../../support/received-errors.js";
import { reprice, repriceMessages, type TestLine } from "../../support/repricing.js";
import { startTestService, type TestService } from "../../support/service.js";

const groupBy = RepriceGroupBy.ACCOUNT;

describe("RepriceCharges fails", function () {
  this.timeout(60_000);
  let service: TestService;
  let key: TestKey;
  let line: TestLine;
  let bookVersion: bigint;
  before(async () => {
    service = await startTestService({
      ...{ maxAllocationAccounts: 3, maxImportRows: 5, streamIdleTimeoutMs: 500 },
    });
    ({ key, bookVersion } = await freshPrice(service, "2", new Date("2020-01-01")));
    const usageRatio = { case: "accountUsageRatio", value: "1" } as const;
    line = { ...key, providerCost: "1", usageRatio };
  });
  after(() => service.stop());

  it("without group_by, also without any message", async () => {
    for (const messages of [[], [{}], [{ lines: [line] }]]) {
      const error = await errorOf(repriceMessages(service, messages));
      expect(error).to.include({ code: Code.InvalidArgument, reason: "INVALID_FIELD" });
      expect(error.message).to.match(/^group_by is required in the first message; allowed: ACC/);
    }
    const error = await errorOf(repriceMessages(service, [{ groupBy: 9 as never }]));
    expect(error.message).to.match(/^group_by is 9; allowed: ACCOUNT, KEY or ACCOUNT_AND_KEY/);
  });

  it("without lines", async () => {
    const error = await errorOf(reprice(service, {}, []));
    expect(error).to.include({ code: Code.InvalidArgument });
    expect(error.fields).to.deep.equal(["lines"]);
  });

  it("with a field of the first message in a later one", async () => {
    const later = [
      [{ groupBy }, "group_by"],
      [{ draft: { terms: {} } }, "draft.terms"],
      [{ minBookVersion: 1n }, "min_book_version"],
    ] as const;
    for (const [message, field] of later) {
      const messages = [{ groupBy, lines: [line] }, message];
      const error = await errorOf(repriceMessages(service, messages));
      expect(error.fields).to.deep.equal([field]);
    }
  });

  it("with draft rows after lines", async () => {
    const late = { draft: { rows: [{ ...key, price: "1" }] } };
    const error = await errorOf(repriceMessages(service, [{ groupBy, lines: [line] }, late]));
    expect(error.message).to.match(/^draft.rows follows after lines/);
  });

  it("for a draft that an import would reject, with the errors of the import", async () => {
    const rows = [
      { ...key, price: "1e3" },
      { ...key, model: "", price: "1" },
      { ...key, price: "9", effectiveFrom: at("2026-01-01") },
      { ...key, provider: "unheard-of", price: "1" },
    ];
    const invalid = await errorOf(reprice(service, { rows }, [line]));
    expect(invalid).to.include({ code: Code.InvalidArgument, reason: "INVALID_FIELD" });
    expect(invalid.fields).to.deep.equal([
      ...["draft.rows[0].price", "draft.rows[1].model"],
      ...["draft.rows[2].effective_from", "draft.rows[3].provider"],
    ]);
    const unknown = await errorOf(reprice(service, { rows: rows.slice(3) }, [line]));
    expect(unknown).to.include({ code: Code.NotFound, reason: "PROVIDER_NOT_FOUND" });
    const terms = { maxChangePercent: "10" };
    const doubled = { terms, rows: [{ ...key, price: "4" }] };
    const guarded = await errorOf(reprice(service, doubled, [line]));
    expect(guarded).to.include({ code: Code.FailedPrecondition, reason: "IMPORT_GUARD" });
    const old = { terms: { baseBookVersion: bookVersion - 1n }, rows: [{ ...key, price: "4" }] };
    const changed = await errorOf(reprice(service, old, [line]));
    expect(changed).to.include({ code: Code.Aborted, reason: "BOOK_CHANGED" });
    const badTerms = await errorOf(reprice(service, { terms: { maxEndPercent: "x" } }, [line]));
    expect(badTerms.fields).to.deep.equal(["draft.terms.max_end_percent"]);
    const endsAll = await errorOf(reprice(service, { terms: { missingPrices: 2 } }, [line]));
    expect(endsAll.fields).to.deep.equal(["draft.rows"]);
  });

  it("with more draft rows than an import may have", async () => {
    const rows = Array.from({ length: 6 }, () => ({ ...key, price: "3" }));
    const error = await errorOf(reprice(service, { rows }, [line]));
    expect(error.message).to.match(/at most 5 \(MAX_IMPORT_ROWS\)/);
  });

  it("with more groups than an allocation may have accounts", async () => {
    const lines = ["a", "b", "c", "a"].map((accountId) => ({ ...line, accountId }));
    expect((await reprice(service, {}, lines)).groups).to.have.length(3);
    const error = await errorOf(reprice(service, {}, [...lines, { ...line, accountId: "d" }]));
    expect(error.message).to.match(/more groups than allowed: at most 3 \(MAX_ALLOCATION_ACCOUNTS/);
  });

  it("with a version that the price book has not reached", async () => {
    const draft = { rows: [{ ...key, price: "3" }] };
    for (const each of [{}, { draft }]) {
      const first = { groupBy, minBookVersion: bookVersion + 1000n, ...each };
      const error = await errorOf(repriceMessages(service, [first, { lines: [line] }]));
      expect(error).to.include({ code: Code.Unavailable, reason: "BOOK_BEHIND" });
    }
    const later = { ...line, minBookVersion: bookVersion + 1000n };
    const { lineErrors } = await reprice(service, {}, [line, later]);
    expect(lineErrors.map((each) => [each.line, each.error?.code])).to.deep.equal([
      [1n, Code.Unavailable],
    ]);
  });

  it("when its client sends nothing more", async () => {
    const draft = { rows: [{ ...key, price: "3" }] };
    for (const first of [{ groupBy }, { groupBy, draft }, { groupBy, draft, lines: [line] }]) {
      const requests = openRequests([first]);
      const error = await errorOf(repriceMessages(service, requests));
      expect(error).to.include({ code: Code.DeadlineExceeded, reason: "STREAM_IDLE" });
      requests.end();
    }
  });
});

describe("RepriceCharges without memory", function () {
  this.timeout(60_000);

  it("fails when the groups need more than there is, and its memory is free again", async () => {
    const service = await startTestService({ offloadMemoryBytes: 24 * 1024 * 1024 });
    try {
      const { key } = await freshPrice(service, "2", new Date("2020-01-01"));
      const usageRatio = { case: "accountUsageRatio", value: "1" } as const;
      const line = { ...key, providerCost: "1", usageRatio };
      const lines = Array.from({ length: 12_000 }, (_, i) => ({
        ...line,
        accountId: `account ${i} ${"x".repeat(200)}`,
      }));
      const error = await errorOf(reprice(service, {}, lines));
      expect(error).to.include({ code: Code.ResourceExhausted, reason: "MEMORY_EXHAUSTED" });
      const { totals } = await reprice(
        service,
        {},
        lines.map(() => line),
      );
      expect(totals).to.include({ lineCount: 12_000n, groupCount: 1n });
    } finally {
      await service.stop();
    }
  });
});
