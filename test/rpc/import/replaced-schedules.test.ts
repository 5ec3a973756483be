import { expect } from "chai";
import { MissingPrices } from "../../../src/gen/llmprices/v1/llm_price_import_pb.js";
import {
  countsOf,
  importRows,
  rowOf,
  type TestRow,
  type TestTerms,
} from "../../support/imports.js";
import { at } from "../../support/prices.js";
import { startTestService, type TestService } from "../../support/service.js";

describe("ImportLLMPrices with REPLACE, of keys with scheduled prices,", function () {
  this.timeout(120_000);
  let service: TestService;
  before(async () => {
    service = await startTestService();
  });
  after(() => service.stop());

  const keys = Array.from({ length: 4000 }, (_, i) => ({
    ...{ chargeType: "tool", provider: "acme", model: `model-${i}` },
  }));
  const rowsAt = (price: string): TestRow[] => keys.map((key) => rowOf(key, price));

  /** Imports rows. Returns how long it took. */
  const timeOf = async (expected: string, rows: readonly TestRow[], terms: TestTerms = {}) => {
    const startedAt = performance.now();
    const response = await importRows(service, rows, terms);
    expect(countsOf(response)).to.match(new RegExp(`^${expected}`));
    return performance.now() - startedAt;
  };

  it("takes about as long as an import that keeps them", async () => {
    await timeOf("4000 created", rowsAt("1"), { registerMissing: true });
    const scheduled = keys.map((key) => rowOf(key, "9", { effectiveFrom: at("2100-01-01") }));
    const keeps = await timeOf("4000 updated", [...rowsAt("2"), ...scheduled]);
    const terms = { missingPrices: MissingPrices.REPLACE };
    // Both write 8000 revisions. A comparison of each scheduled price with all rows takes 11 times as long.
    const replaces = await timeOf("4000 updated", [...rowsAt("3"), ...scheduled.slice(1)], terms);
    expect(replaces).to.be.below(4 * keeps);
  });
});
