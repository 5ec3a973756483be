import { expect } from "chai";
import { importRows, rowOf } from "../../support/imports.js";
import { startTestService, type TestService } from "../../support/service.js";

const models = 3000;

describe("The warnings of an import about prices that never apply", function () {
  // Comparing each model with each price takes minutes.
  this.timeout(60_000);
  let service: TestService;
  before(async () => {
    service = await startTestService();
  });
  after(() => service.stop());

  const row = (model: string) => rowOf({ chargeType: "*", provider: "acme", model }, "1.1");
  const exact = Array.from({ length: models }, (_, i) => row(`a-model-of-acme-${i}`));
  const patterns = Array.from({ length: 15 }, (_, i) => row(`${"a-model-of-acme".slice(0, i)}*`));
  const coveredOf = async (rows: typeof exact) => {
    const terms = { validateOnly: true, registerMissing: true };
    const { warnings } = await importRows(service, rows, terms);
    return warnings.filter(({ description }) => description.startsWith("never applies")).length;
  };

  it("are found among thousands of models in the list", async () => {
    expect(await coveredOf([...patterns, ...exact])).to.equal(patterns.length);
  });

  it("are found among thousands of models in the price book", async () => {
    await importRows(service, exact, { registerMissing: true });
    expect(await coveredOf(patterns)).to.equal(patterns.length);
    // An unpriced model, to which the shortest patterns apply.
    await service.catalog.createModel({ provider: "acme", name: "a-m" });
    expect(await coveredOf(patterns.slice(3))).to.equal(patterns.length - 4);
  });
});
