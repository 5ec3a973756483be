import { spawn } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { text } from "node:stream/consumers";
import { createClient } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport } from "@connectrpc/connect-node";
import { expect } from "chai";
import { toUrl } from "../../../bench/support/database.js";
import { PricingService } from "../../../src/gen/llmprices/v1/pricing_service_pb.js";
import { llmpricesArguments } from "../../support/command.js";
import { type Collector, startCollector } from "../../support/otlp.js";
import { createTestDatabase, type TestDatabase } from "../../support/postgres.js";

const trace = "0af7651916cd43dd8448eb211c80319c";
const headers = { traceparent: `00-${trace}-b7ad6b7169203331-01` };

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

  /** Calls both doors, has the service stop, and answers its log. */
  const callAndStop = async (parameters: readonly string[], variables: NodeJS.ProcessEnv) => {
    const anyPort = "127.0.0.1:0";
    const child = spawn(process.execPath, [...llmpricesArguments, "serve", ...parameters], {
      env: {
        ...{ ...process.env, GRPC_ADDR: anyPort, HTTP_ADDR: anyPort, OPS_ADDR: anyPort },
        ...{ DATABASE_URL: toUrl(database.connection), ...variables },
      },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const log = text(child.stderr);
    let greeting = "";
    for await (const chunk of child.stdout.iterator({ destroyOnReturn: false })) {
      greeting += chunk;
      if (/^curl .*\n/m.test(greeting)) break;
    }
    const find = (pattern: RegExp) => `http://${pattern.exec(greeting)?.[1]}`;
    const transports = [
      createGrpcTransport({ baseUrl: find(/^ *gRPC +(\S+)$/m) }),
      createConnectTransport({ baseUrl: find(/http:\/\/(\S+)$/m), httpVersion: "1.1" }),
    ];
    for (const transport of transports) {
      const pricing = createClient(PricingService, transport);
      await pricing.listLLMPrices({ provider: "acme" }, { headers });
      await pricing.batchCalculateCharges({}, { headers });
    }
    child.kill("SIGTERM");
    await once(child, "exit");
    return log;
  };

  for (const parameters of [[], ["--workers", "2"]]) {
    it(`sends the traces of both doors before it ends: serve ${parameters.join(" ")}`, async () => {
      const before = collector.spans.length;
      const log = await callAndStop(parameters, {
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
        const below = spans.filter(({ parentSpanId }) => parentSpanId === list.spanId);
        expect(below.map(({ name }) => name)).to.include("SELECT");
      }
      expect(collector.text()).to.contain("prices-of-tests");
      expect(log.match(new RegExp(`"trace_id":"${trace}"`, "g"))).to.have.length(4);
    });
  }

  it("has workers wait for the last traces as long as for all others, and say so", async () => {
    // It takes connections, and never answers.
    const silent = createServer().listen(0, "127.0.0.1");
    await once(silent, "listening");
    const { port } = silent.address() as AddressInfo;
    const log = await callAndStop(["--workers", "1"], {
      ...{ OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`, SHUTDOWN_GRACE_MS: "0" },
    });
    silent.close();
    expect(log).to.contain("the last traces could not be sent in time");
  });

  it("samples as OTEL_TRACES_SAMPLER says", async () => {
    const before = collector.spans.length;
    await callAndStop([], {
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_TRACES_SAMPLER: "always_off",
    });
    expect(collector.spans.length).to.equal(before);
  });

  it("ends in time when no collector answers, and says so in the log", async () => {
    const log = await callAndStop([], { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:9" });
    expect(log).to.contain('"msg":"OpenTelemetry"').and.to.contain('"msg":"stopped"');
  });
});
