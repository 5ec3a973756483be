import { randomUUID } from "node:crypto";
import { SpanKind, SpanStatusCode } from "@opentelemetry/api";
import {
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-base";
import { expect } from "chai";
import { createTracing } from "../../../src/tracing/tracer-provider.js";
import type { Tracing } from "../../../src/tracing/tracing.js";
import { lineOf } from "../../support/batches.js";
import { importRows } from "../../support/imports.js";
import { type KeptLog, keepLog } from "../../support/log.js";
import { until } from "../../support/metrics.js";
import { byKey, freshKey, freshPrice, type TestKey } from "../../support/prices.js";
import { errorOf } from "../../support/received-errors.js";
import { protocols, startTestService, type TestService } from "../../support/service.js";

const caller = { traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331" };
const headers = { traceparent: `00-${caller.traceId}-${caller.spanId}-01` };
const pricing = "llmprices.v1.PricingService";

describe("Tracing", () => {
  let exporter: InMemorySpanExporter;
  let tracing: Tracing;
  let kept: KeptLog;
  let service: TestService;
  let key: TestKey;
  before(async () => {
    exporter = new InMemorySpanExporter();
    tracing = createTracing(new SimpleSpanProcessor(exporter));
    kept = keepLog();
    service = await startTestService({}, undefined, { tracing, log: kept.log });
    ({ key } = await freshPrice(service, "2", new Date("2026-01-01")));
  });
  beforeEach(() => exporter.reset());
  after(async () => {
    await service.stop();
    await tracing.stop();
  });

  const spans = () => exporter.getFinishedSpans();
  const named = (name: string) => spans().filter((span) => span.name === name);
  /** Waits until the only span with a name has ended, and returns it. */
  const spanOf = async (name: string): Promise<ReadableSpan> => {
    await until(() => named(name).length > 0);
    expect(named(name)).to.have.length(1);
    return named(name)[0] as ReadableSpan;
  };
  const childrenOf = (parent: ReadableSpan) =>
    spans().filter((span) => span.parentSpanContext?.spanId === parent.spanContext().spanId);
  const statementsOf = (parent: ReadableSpan) =>
    childrenOf(parent).map(({ attributes }) => String(attributes["db.query.text"] ?? ""));

  for (const protocol of protocols) {
    it(`adds a call to its caller's trace, through ${protocol}`, async () => {
      await service.endpoints[protocol].pricing.calculateCharge(lineOf(key), { headers });
      const span = await spanOf(`${pricing}/CalculateCharge`);
      expect(span.kind).to.equal(SpanKind.SERVER);
      expect(span.spanContext().traceId).to.equal(caller.traceId);
      expect(span.parentSpanContext?.spanId).to.equal(caller.spanId);
      expect(span.attributes).to.include({
        "rpc.system": protocol.startsWith("Connect") ? "connect_rpc" : "grpc",
        "rpc.service": pricing,
        "rpc.method": "CalculateCharge",
        ...(protocol.startsWith("gRPC") && { "rpc.grpc.status_code": 0 }),
      });
    });
  }

  it("starts a trace when the caller has none, and logs its id", async () => {
    await service.pricing.calculateCharge(lineOf(key));
    const span = await spanOf(`${pricing}/CalculateCharge`);
    expect(span.parentSpanContext).to.equal(undefined);
    const line = kept.callsOf("CalculateCharge").at(-1);
    expect(line?.trace_id).to.equal(span.spanContext().traceId);
    expect(line?.request_id).to.equal(span.attributes["llmprices.request_id"]);
  });

  it("records no spans when the caller's trace is not sampled", async () => {
    const unsampled = { traceparent: headers.traceparent.replace(/01$/, "00") };
    await service.pricing.calculateCharge(lineOf(key), { headers: unsampled });
    await service.pricing.batchCalculateCharges({}, { headers: unsampled });
    await service.pricing.getLLMPrice({ lookup: byKey(key) }, { headers });
    await spanOf(`${pricing}/GetLLMPrice`);
    expect(named(`${pricing}/CalculateCharge`)).to.have.length(0);
    expect(named(`${pricing}/BatchCalculateCharges`)).to.have.length(0);
    expect(named("bulk thread")).to.have.length(0);
  });

  it("records the wait for a connection and each statement of a call, without values", async () => {
    const request = {
      ...{ lookup: byKey(key), price: "2.718", reason: "hush", requestId: randomUUID() },
    };
    await service.pricing.updateLLMPrice(request, { headers });
    const span = await spanOf(`${pricing}/UpdateLLMPrice`);
    expect(childrenOf(span).map(({ name }) => name)).to.include.members([
      ...["acquire connection", "BEGIN", "SELECT", "INSERT", "COMMIT"],
    ]);
    const statement = childrenOf(span).find(({ name }) => name === "INSERT");
    expect(statement?.kind).to.equal(SpanKind.CLIENT);
    expect(statement?.attributes).to.include({
      "db.system.name": "postgresql",
      "db.operation.name": "INSERT",
    });
    expect(statementsOf(span).join()).to.contain("insert into").and.to.contain("$1");
    const attributes = JSON.stringify(spans().map((each) => each.attributes));
    expect(attributes).to.not.contain("hush").and.to.not.contain("2.718");
    expect(attributes).to.not.contain(key.model);
  });

  it("records a worker thread's part of a call, with its statements as children", async () => {
    const missing = lineOf({ ...key, model: "no-such-model" });
    await service.pricing.batchCalculateCharges({ requests: [missing] }, { headers });
    const thread = await spanOf("bulk thread");
    const span = await spanOf(`${pricing}/BatchCalculateCharges`);
    expect(span.parentSpanContext?.spanId).to.equal(caller.spanId);
    expect(thread.parentSpanContext?.spanId).to.equal(span.spanContext().spanId);
    expect(thread.resource.attributes["service.name"]).to.equal("llmprices");
    expect(statementsOf(thread).join()).to.contain("select");
  });

  it("records the statements of a stream that a worker thread serves", async () => {
    const fresh = await freshKey(service);
    await importRows(service, [{ ...fresh, price: "1" }], {}, { headers });
    const thread = await spanOf("bulk thread");
    expect(thread.spanContext().traceId).to.equal(caller.traceId);
    expect(childrenOf(thread).map(({ name }) => name)).to.include.members(["BEGIN", "INSERT"]);
  });

  it("has the status ERROR for errors of the service, and not for those of the caller", async () => {
    await errorOf(service.pricing.calculateCharge(lineOf(key, { providerCost: "x" })));
    const rejected = await spanOf(`${pricing}/CalculateCharge`);
    expect(rejected.attributes).to.include({
      "rpc.grpc.status_code": 3,
      "error.type": "invalid_argument",
    });
    expect(rejected.status.code).to.equal(SpanStatusCode.UNSET);
    await service.database.knex.raw("alter table llm_prices rename to hidden");
    await errorOf(service.pricing.getLLMPrice({ lookup: byKey(key) }));
    await service.database.knex.raw("alter table hidden rename to llm_prices");
    const failed = await spanOf(`${pricing}/GetLLMPrice`);
    expect(failed.status.code).to.equal(SpanStatusCode.ERROR);
    const statement = childrenOf(failed).find(({ attributes }) => attributes["error.type"]);
    expect(statement?.attributes).to.include({ "db.response.status_code": "42P01" });
    expect(statement?.status).to.deep.equal({ code: SpanStatusCode.ERROR });
  });

  it("records no spans for work outside calls", async () => {
    await service.pricing.listLLMPrices({}, { headers });
    await spanOf(`${pricing}/ListLLMPrices`);
    for (const { traceId } of spans().map((span) => span.spanContext())) {
      expect(traceId).to.equal(caller.traceId);
    }
  });
});
