import { expect } from "chai";
import { countsOf, importRows, rowOf } from "../../support/imports.js";
import { at } from "../../support/prices.js";
import { startTestService, type TestService } from "../../support/service.js";

const rows = 3000;

describe("ImportLLMPrices of many rows into a small price book", function () {
  this.timeout(120_000);
  let service: TestService;
  before(async () => {
    service = await startTestService();
  });
  after(() => service.stop());

  const importAccounts = (count: number, prefix: string) =>
    importRows(
      service,
      Array.from({ length: count }, (_, i) =>
        rowOf(
          { accountId: `${prefix}-${i}`, chargeType: "tool", provider: "acme", model: "*" },
          "1",
          {
            effectiveFrom: at("2026-01-01T00:00:00Z"),
          },
        ),
      ),
      { registerMissing: true },
    );

  it("does not read the tables once for each row, with plans for a small one", async () => {
    await importAccounts(3, "first");
    await service.database.knex.raw("analyze");
    // Connections keep the plans of triggers after some executions.
    for (let i = 0; i < 10; i += 1) await importAccounts(3, `small-${i}`);
    const before = await readScans();
    expect(countsOf(await importAccounts(rows, "large"))).to.equal(`${rows} created`);
    let after = await readScans();
    // The server counts scans a moment after they have ended.
    for (let i = 0; i < 300 && after.all < before.all + 2 * rows; i += 1)
      after = await readScans(100);
    expect(after.all - before.all).to.be.at.least(2 * rows);
    expect(after.sequential - before.sequential).to.be.below(rows / 10);
  });

  async function readScans(waitMs = 0): Promise<{ sequential: number; all: number }> {
    await new Promise((resolve) => setTimeout(resolve, waitMs));
    const { rows } = await service.database.knex.raw(
      `select sum(seq_scan) as sequential, sum(seq_scan + idx_scan) as all from pg_stat_user_tables
      where relname in ('llm_prices', 'llm_price_revisions')`,
    );
    return { sequential: Number(rows[0].sequential), all: Number(rows[0].all) };
  }
});
