import { resolve } from "node:path";
import type { Worker } from "node:worker_threads";
import { Code } from "@connectrpc/connect";
import { expect } from "chai";
import { pino } from "pino";
import type { CallRecord } from "../../../src/server/calls/call-log.js";
import { createCallPlaces } from "../../../src/server/calls/call-places.js";
import {
  fromThreadConnection,
  toThreadConnection,
} from "../../../src/server/threads/connection-transfer.js";
import { createMemoryBudget } from "../../../src/server/threads/memory-budget.js";
import type { ThreadSettings } from "../../../src/server/threads/thread-messages.js";
import { createThreadPool } from "../../../src/server/threads/thread-pool.js";
import { parseDatabaseUrl } from "../../../src/store/connection/connection-url.js";
import { answerOf, messagesOf, openRequests, usagesOf } from "../../support/allocations.js";
import { chargeIn, lineOf } from "../../support/batches.js";
import { callsEnded, callsInFlight, until } from "../../support/metrics.js";
import { freshPrice, type TestKey } from "../../support/prices.js";
import { errorOf } from "../../support/received-errors.js";
import {
  type Protocol,
  protocols,
  startTestService,
  type TestService,
} from "../../support/service.js";

const rpc = "StreamAllocateCharges";

describe("A thread that dies", () => {
  let service: TestService;
  let key: TestKey;
  const workers: Worker[] = [];
  const addWorker = (worker: Worker) => workers.push(worker);
  before(async () => {
    process.on("worker", addWorker);
    service = await startTestService();
    ({ key } = await freshPrice(service, "1", new Date("2020-01-01")));
  });
  after(async () => {
    process.off("worker", addWorker);
    await service.stop();
  });

  const termsOf = () => ({ ...key, providerCost: "1", currencyCode: "USD" });
  const openStream = (protocol: Protocol) => {
    const requests = openRequests([{ terms: termsOf(), accountUsages: usagesOf({ a: "1" }) }]);
    const { pricing } = service.endpoints[protocol];
    return { requests, error: errorOf(answerOf(pricing.streamAllocateCharges(requests))) };
  };

  it("has a heap of its own size, which no V8 flag sets for the whole process", async () => {
    await service.pricing.batchCalculateCharges({});
    // The budget for all threads, what a thread takes by itself, and one message while it is parsed.
    expect(workers.at(-1)?.resourceLimits).to.include({ maxOldGenerationSizeMb: 1024 + 64 + 400 });
  });

  for (const protocol of protocols) {
    it(`ends its calls as UNAVAILABLE and THREAD_LOST, counts them, and is replaced: ${protocol}`, async () => {
      const before = await callsEnded(service, rpc, "unavailable");
      const calls = [openStream(protocol), openStream(protocol)];
      await until(async () => (await callsInFlight(service, rpc)) === calls.length);
      await workers.at(-1)?.terminate();
      for (const { requests, error } of calls) {
        const { code, reason, domain } = await error;
        expect({ code, reason, domain }).to.deep.equal({
          ...{ code: Code.Unavailable, reason: "THREAD_LOST", domain: "llmprices.v1" },
        });
        requests.end();
      }
      await until(async () => (await callsInFlight(service, rpc)) === 0);
      expect(await callsEnded(service, rpc, "unavailable")).to.equal(before + calls.length);
      const { pricing } = service.endpoints[protocol];
      const { results } = await pricing.batchCalculateCharges({ requests: [lineOf(key)] });
      expect(chargeIn(results[0]).accountCharge).to.equal("100");
    });

    it(`ends the responses that it was sending with an error, through ${protocol}`, async () => {
      const accountId = (i: number) => String(i).padEnd(250, "-");
      const usages = Array.from({ length: 40_000 }, (_, i) => ({
        accountId: accountId(i),
        usage: "1",
      }));
      const requests = openRequests(messagesOf(termsOf(), usages, 5000));
      requests.end();
      const responses = service.endpoints[protocol].pricing
        .streamAllocateCharges(requests)
        [Symbol.asyncIterator]();
      await responses.next();
      await workers.at(-1)?.terminate();
      const rest = answerOf({ [Symbol.asyncIterator]: () => responses });
      expect((await errorOf(rest)).code).to.be.oneOf([Code.Unavailable, Code.Aborted]);
      await until(async () => (await callsInFlight(service, rpc)) === 0);
    });
  }
});

describe("Threads of a service whose configuration has a function in it", () => {
  it("serve calls: sslmode=verify-ca puts a function in the database's configuration", async () => {
    // Any certificate works, because the service itself connects without TLS.
    const rootCertificate = encodeURIComponent(resolve("test/fixtures/tls/server.pem"));
    const url = `postgres://localhost/llmprices?sslmode=verify-ca&sslrootcert=${rootCertificate}`;
    const database = parseDatabaseUrl(url);
    expect(() => structuredClone(database)).to.throw("could not be cloned");
    const service = await startTestService({ database } as object);
    try {
      const { results } = await service.pricing.batchCalculateCharges({ requests: [] });
      expect(results).to.have.length(0);
    } finally {
      await service.stop();
    }
    const sent = structuredClone(toThreadConnection(database));
    expect(fromThreadConnection(sent).ssl)
      .to.have.property("checkServerIdentity")
      .that.is.a("function");
  });
});

describe("A call that no thread can serve", () => {
  const ended: CallRecord[] = [];
  const startPool = (changes: object) => {
    const callLog = { callStarts: () => {}, callEnds: (call: CallRecord) => ended.push(call) };
    const memory = createMemoryBudget(2 ** 26, 1);
    const settings = { memory: memory.table, ...changes } as unknown as ThreadSettings;
    const charges = { add: () => {} };
    return createThreadPool(
      ...([1, settings, { lookup: () => Promise.reject(new Error("no book")) }] as const),
      ...([
        memory,
        { callLog, charges, tracing: undefined, log: { error: () => {} } },
        createCallPlaces(1),
      ] as const),
      pino({ level: "silent" }),
    );
  };
  const failuresOf = async (threads: ReturnType<typeof startPool>) => {
    const codes: Code[] = [];
    for (let i = 0; i < 2; i += 1) {
      const call = threads.serve({
        ...{ httpVersion: "2.0", method: "POST", url: `http://thread/${rpc}` },
        ...{ header: new Headers(), body: openRequests([]) as never },
        signal: new AbortController().signal,
      });
      codes.push((await errorOf(call)).code);
      expect(threads.stats()).to.include({ open: 0, memoryBytes: 0 });
    }
    await threads.close();
    return codes;
  };
  beforeEach(() => ended.splice(0));

  it("fails, is recorded, and frees its place when it cannot be sent", async () => {
    const threads = startPool({ connection: () => "cannot be sent" });
    expect(await failuresOf(threads)).to.deep.equal([Code.Internal, Code.Internal]);
    expect(ended.map(({ code }) => code)).to.deep.equal(["internal", "internal"]);
    expect(ended[0]?.cause).to.have.property("name", "DataCloneError");
  });

  it("fails, is recorded, and frees its place when the thread does not start", async () => {
    const threads = startPool({});
    expect(await failuresOf(threads)).to.deep.equal([Code.Unavailable, Code.Unavailable]);
    expect(ended.map(({ code }) => code)).to.deep.equal(["unavailable", "unavailable"]);
  });
});
