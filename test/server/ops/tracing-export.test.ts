import { expect } from "chai";
import { type Collector, startCollector } from "../../support/otlp.js";
import { createTestDatabase, type TestDatabase } from "../../support/postgres.js";
import { callAndStop, trace } from "../../support/traced-service.js";

describe("llmprices serve with OTEL_EXPORTER_OTLP_ENDPOINT", function () {
  this.timeout(60_000);
  let database: TestDatabase;
  let collector: Collector;
  before(async () => {
    database = await createTestDatabase();
    collector = await startCollector();
  });
  after(async () => {
    collector.close();
    await database.drop();
  });

  for (const parameters of [[], ["--workers", "2"]]) {
    it(`sends the traces of both listeners before it ends: serve ${parameters.join(" ")}`, async () => {
      const before = collector.spans.length;
      const log = await callAndStop(database, parameters, {
        OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
        OTEL_SERVICE_NAME: "prices-of-tests",
      });
      const spans = collector.spans.slice(before);
      const named = (name: string) => spans.filter((span) => span.name === name);
      const lists = named("llmprices.v1.PricingService/ListLLMPrices");
      expect(lists).to.have.length(2);
      expect(named("llmprices.v1.PricingService/BatchCalculateCharges")).to.have.length(2);
      expect(named("bulk thread")).to.have.length(2);
      for (const span of spans) expect(span.traceId).to.equal(trace);
      for (const list of lists) {
        expect(list.parentSpanId).to.equal("b7ad6b7169203331");
        const children = spans.filter(({ parentSpanId }) => parentSpanId === list.spanId);
        expect(children.map(({ name }) => name)).to.include("SELECT");
      }
      expect(collector.text()).to.contain("prices-of-tests");
      expect(log.match(new RegExp(`"trace_id":"${trace}"`, "g"))).to.have.length(4);
    });
  }

  it("applies OTEL_TRACES_SAMPLER", async () => {
    const before = collector.spans.length;
    await callAndStop(database, [], {
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_TRACES_SAMPLER: "always_off",
    });
    expect(collector.spans.length).to.equal(before);
  });
});
