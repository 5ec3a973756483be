import { randomUUID } from "node:crypto";
import { Code } from "@connectrpc/connect";
import { expect } from "chai";
import { formatAddress } from "../../../src/config/address.js";
import { importRows } from "../../support/imports.js";
import { freshKey, priceAt, type TestKey } from "../../support/prices.js";
import { errorOf } from "../../support/received-errors.js";
import { protocols, startTestService, type TestService } from "../../support/service.js";

describe("BatchUpsertLLMPrices", () => {
  let service: TestService;
  before(async () => {
    service = await startTestService();
  });
  after(() => service.stop());

  const rowOf = (key: TestKey, price: string) => ({ ...key, price });

  for (const protocol of protocols) {
    it(`creates, updates, ends and leaves prices, all at one version, through ${protocol}`, async () => {
      const { pricing } = service.endpoints[protocol];
      const keys = await Promise.all(Array.from({ length: 4 }, () => freshKey(service)));
      const [created, updated, unchanged, ended] = keys as [TestKey, TestKey, TestKey, TestKey];
      await importRows(
        service,
        [updated, unchanged, ended].map((key) => rowOf(key, "1")),
      );
      const rows = [
        ...[rowOf(created, "2"), rowOf(updated, "3"), rowOf(unchanged, "1")],
        { ...ended, ends: true },
      ];
      const response = await pricing.batchUpsertLLMPrices({ terms: { maxChanges: 9 }, rows });
      expect(response.counts).to.deep.include({
        ...{ rowCount: 4n, createdCount: 1n, updatedCount: 1n, unchangedCount: 1n, endedCount: 1n },
      });
      expect(response.changes.map(({ row }) => row)).to.deep.equal([0n, 1n, 3n]);
      expect(await priceAt(service, created)).to.equal("2");
      expect(await priceAt(service, updated)).to.equal("3");
      const again = await pricing.batchUpsertLLMPrices({ terms: {}, rows: rows.slice(0, 3) });
      expect(again.bookVersion).to.equal(response.bookVersion);
      expect(again.counts).to.deep.include({ unchangedCount: 3n });
    });
  }

  it("works with curl: JSON in, JSON out", async () => {
    const key = await freshKey(service);
    const address = formatAddress(service.server.httpAddress);
    const response = await fetch(
      `http://${address}/llmprices.v1.PricingService/BatchUpsertLLMPrices`,
      {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({
          terms: { reason: "a test" },
          rows: [
            { charge_type: key.chargeType, provider: key.provider, model: key.model, price: "7" },
          ],
        }),
      },
    );
    const { counts } = (await response.json()) as { readonly counts: object };
    expect(counts).to.include({ rowCount: "1", createdCount: "1", endedCount: "0" });
    expect(await priceAt(service, key)).to.equal("7");
  });

  it("writes all rows or none, and names every bad row", async () => {
    const [good, bad] = [await freshKey(service), await freshKey(service)];
    const rows = [rowOf(good, "1"), rowOf(bad, "x"), rowOf({ ...bad, model: "unknown" }, "1")];
    const error = await errorOf(service.pricing.batchUpsertLLMPrices({ terms: {}, rows }));
    expect(error).to.deep.include({
      ...{ code: Code.InvalidArgument, fields: ["rows[1].price", "rows[2].model"] },
    });
    expect(await priceAt(service, good)).to.equal(undefined);
  });

  it("takes 1,000 rows, and rejects 1,001 with the call that takes more", async () => {
    const key = await freshKey(service);
    const filled = Array.from({ length: 1000 }, (_, i) => ({
      ...rowOf({ ...key, model: `upsert-${i}` }, "1"),
    }));
    const terms = { registerMissing: true };
    const { counts } = await service.pricing.batchUpsertLLMPrices({ terms, rows: filled });
    expect(counts).to.deep.include({ createdCount: 1000n, registeredModelCount: 1000n });
    const more = [...filled, rowOf(key, "1")];
    const error = await errorOf(service.pricing.batchUpsertLLMPrices({ terms, rows: more }));
    expect(error).to.deep.include({ code: Code.InvalidArgument, fields: ["rows"] });
    expect(error.message).to.equal(
      "rows has 1001 rows; allowed: 1 to 1000 rows; ImportLLMPrices, a stream, takes more",
    );
  });

  it("rejects a request without terms, without rows, or with wrong terms", async () => {
    const key = await freshKey(service);
    const upsert = service.pricing.batchUpsertLLMPrices;
    expect((await errorOf(upsert({}))).fields).to.deep.equal(["terms", "rows"]);
    expect((await errorOf(upsert({ terms: {} }))).fields).to.deep.equal(["rows"]);
    const wrong = upsert({ terms: { requestId: "x" }, rows: [rowOf(key, "1")] });
    expect((await errorOf(wrong)).fields).to.deep.equal(["terms.request_id"]);
  });

  it("writes once for one request_id, and rejects it for ImportLLMPrices", async () => {
    const key = await freshKey(service);
    const request = { terms: { requestId: randomUUID(), maxChanges: 5 }, rows: [rowOf(key, "4")] };
    const first = await service.pricing.batchUpsertLLMPrices(request);
    expect(await service.pricing.batchUpsertLLMPrices(request)).to.deep.equal(first);
    const reused = await errorOf(importRows(service, request.rows, request.terms));
    expect(reused.reason).to.equal("REQUEST_ID_REUSED");
  });

  it("is rejected when a key has changed since base_book_version", async () => {
    const key = await freshKey(service);
    const { bookVersion } = await importRows(service, [rowOf(key, "1")]);
    await importRows(service, [rowOf(key, "2")]);
    const terms = { baseBookVersion: bookVersion };
    const upsert = service.pricing.batchUpsertLLMPrices({ terms, rows: [rowOf(key, "3")] });
    expect(await errorOf(upsert)).to.include({ code: Code.Aborted, reason: "BOOK_CHANGED" });
  });
});
