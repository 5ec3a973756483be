import { type ClientHttp2Session, connect as connectHttp2 } from "node:http2";
import { expect } from "chai";
import { formatAddress } from "../../../src/config/address.js";
import { lineOf } from "../../support/batches.js";
import { type KeptLog, keepLog } from "../../support/log.js";
import { callsEnded, offloadedCallsInFlight, until } from "../../support/metrics.js";
import { createTestDatabase, type TestDatabase } from "../../support/postgres.js";
import { freshPrice, type TestKey } from "../../support/prices.js";
import { startTestService, type TestService } from "../../support/service.js";

/** What callers send before they fall silent, by door. */
const beginnings = {
  gRPC: { door: "grpcAddress", type: "application/grpc", body: "" },
  Connect: { door: "httpAddress", type: "application/json", body: "{" },
} as const;
type Through = keyof typeof beginnings;

describe("A call whose caller never comes to the end of its message", function () {
  this.timeout(15_000);
  let kept: KeptLog;
  let service: TestService;
  let database: TestDatabase;
  let key: TestKey;
  let session: ClientHttp2Session | undefined;
  before(async () => {
    database = await createTestDatabase();
    // A write may take longer than the calls here.
    const patient = await startTestService({}, database);
    ({ key } = await freshPrice(patient, "1", new Date("2020-01-01")));
    await patient.stop();
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

  /** Begins calls, and answers what becomes of each: the headers and trailers of its answer. */
  const begin = (through: Through, rpc: string, count: number) => {
    const { door, type, body } = beginnings[through];
    session = connectHttp2(`http://${formatAddress(service.server[door])}`);
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
          if (through === "Connect" || "grpc-status" in headers) resolve(headers);
        });
        stream.on("trailers", resolve);
      });
    });
  };
  const lateAnswer = { gRPC: { "grpc-status": "4" }, Connect: { ":status": 504 } };

  for (const through of ["gRPC", "Connect"] as const) {
    it(`leaves its place to others when its time is up: in threads, through ${through}`, async () => {
      const rpc = "BatchCalculateCharges";
      const before = await callsEnded(service, rpc, "deadline_exceeded");
      const answers = begin(through, rpc, 32);
      for (const answer of await Promise.all(answers)) {
        expect(answer).to.include(lateAnswer[through]);
      }
      await until(async () => (await offloadedCallsInFlight(service)) === 0);
      expect(await callsEnded(service, rpc, "deadline_exceeded")).to.equal(before + 32);
      const { results } = await service.pricing.batchCalculateCharges({ requests: [lineOf(key)] });
      expect(results).to.have.length(1);
    });

    it(`is answered when its time is up, and logged, through ${through}`, async () => {
      const rpc = "CalculateCharge";
      const before = kept.callsOf(rpc).length;
      const [answer] = begin(through, rpc, 1);
      expect(await answer).to.include(lateAnswer[through]);
      await until(() => kept.callsOf(rpc).length > before);
      const [line, ...more] = kept.callsOf(rpc).slice(before);
      expect(more).to.have.length(0);
      expect(line).to.include({ code: "deadline_exceeded", error_reason: "DEADLINE_EXCEEDED" });
      expect(line?.ms).to.be.within(990, 15_000);
    });
  }
});
