import { type ClientHttp2Session, connect as connectHttp2 } from "node:http2";
import { expect } from "chai";
import { formatAddress } from "../../../src/config/address.js";
import { lineOf } from "../../support/batches.js";
import { type KeptLog, keepLog } from "../../support/log.js";
import { callsEnded, offloadedCallsInFlight, until } from "../../support/metrics.js";
import { createTestDatabase, type TestDatabase } from "../../support/postgres.js";
import { freshPrice, type TestKey } from "../../support/prices.js";
import { startTestService, type TestService } from "../../support/service.js";

/** What clients send before they stop sending, by protocol. */
const firstBytes = {
  gRPC: { listener: "grpcAddress", type: "application/grpc", body: "" },
  Connect: { listener: "httpAddress", type: "application/json", body: "{" },
} as const;
type Protocol = keyof typeof firstBytes;

describe("A call whose client never completes its message", function () {
  this.timeout(15_000);
  let kept: KeptLog;
  let service: TestService;
  let database: TestDatabase;
  let key: TestKey;
  let session: ClientHttp2Session | undefined;
  before(async () => {
    database = await createTestDatabase();
    // The short timeout below is not for this write.
    const other = await startTestService({}, database);
    ({ key } = await freshPrice(other, "1", new Date("2020-01-01")));
    await other.stop();
    kept = keepLog();
    const limits = { workerThreads: 1, maxCallTimeoutMs: 1000, maxStreamTimeoutMs: 60_000 };
    service = await startTestService(limits, database, { log: kept.log });
    await service.pricing.batchCalculateCharges({});
  });
  afterEach(() => session?.destroy());
  after(async () => {
    await service.stop();
    await database.drop();
  });

  /** Begins calls. Returns the headers or trailers that each call ends with. */
  const begin = (protocol: Protocol, rpc: string, count: number) => {
    const { listener, type, body } = firstBytes[protocol];
    session = connectHttp2(`http://${formatAddress(service.server[listener])}`);
    const opened = session;
    return Array.from({ length: count }, () => {
      const stream = opened.request({
        ...{ ":method": "POST", ":path": `/llmprices.v1.PricingService/${rpc}` },
        ...{ "content-type": type, te: "trailers" },
      });
      stream.write(body);
      stream.resume();
      return new Promise<object>((resolve) => {
        stream.on("response", (headers) => {
          if (protocol === "Connect" || "grpc-status" in headers) resolve(headers);
        });
        stream.on("trailers", resolve);
      });
    });
  };
  const timedOut = { gRPC: { "grpc-status": "4" }, Connect: { ":status": 504 } };

  for (const protocol of ["gRPC", "Connect"] as const) {
    it(`frees its place in the worker threads when it times out, through ${protocol}`, async () => {
      const rpc = "BatchCalculateCharges";
      const before = await callsEnded(service, rpc, "deadline_exceeded");
      const responses = begin(protocol, rpc, 32);
      for (const response of await Promise.all(responses)) {
        expect(response).to.include(timedOut[protocol]);
      }
      await until(async () => (await offloadedCallsInFlight(service)) === 0);
      expect(await callsEnded(service, rpc, "deadline_exceeded")).to.equal(before + 32);
      const { results } = await service.pricing.batchCalculateCharges({ requests: [lineOf(key)] });
      expect(results).to.have.length(1);
    });

    it(`gets an error when it times out, and is logged, through ${protocol}`, async () => {
      const rpc = "CalculateCharge";
      const before = kept.callsOf(rpc).length;
      const [response] = begin(protocol, rpc, 1);
      expect(await response).to.include(timedOut[protocol]);
      await until(() => kept.callsOf(rpc).length > before);
      const [line, ...more] = kept.callsOf(rpc).slice(before);
      expect(more).to.have.length(0);
      expect(line).to.include({ code: "deadline_exceeded", error_reason: "DEADLINE_EXCEEDED" });
      expect(line?.ms).to.be.within(990, 15_000);
    });
  }
});
