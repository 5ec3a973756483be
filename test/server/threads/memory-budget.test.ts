import type { Worker } from "node:worker_threads";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { Code, createClient } from "@connectrpc/connect";
import { compressionGzip, createConnectTransport } from "@connectrpc/connect-node";
import { expect } from "chai";
import { formatAddress } from "../../../src/config/address.js";
import { PricingService } from "../../../src/gen/llmprices/v1/pricing_service_pb.js";
import { toFrame } from "../../../src/server/connect/error-response.js";
import {
  answerOf,
  manyUsages,
  messagesOf,
  type OpenRequests,
  openRequests,
  type TestMessage,
  type TestUsage,
} from "../../support/allocations.js";
import { lineOf } from "../../support/batches.js";
import { callsEnded, offloadMemory, until } from "../../support/metrics.js";
import { freshPrice, type TestKey } from "../../support/prices.js";
import { errorOf } from "../../support/received-errors.js";
import {
  openEndpoints,
  type Protocol,
  protocols,
  startTestService,
  type TestService,
} from "../../support/service.js";
import { createTokensFile, freshToken } from "../../support/tokens.js";

const mib = 2 ** 20;
/** One caller's half is enough for a stream of 40,000 accounts, but not for two. */
const offloadMemoryBytes = 11 * mib;
const shareBytes = offloadMemoryBytes / 2;
const accounts = 40_000;
/** What this stream holds when all its accounts have arrived. The last message has the last growth. */
const fullBytes = 2172 * 1024;
const fewAccounts = 8000;
const fewBytes = 956 * 1024;
/** Batches of empty lines, of about 60 KB. */
const dense = {
  "application/proto": Buffer.alloc(60_000, Buffer.from([0x0a, 0x00])),
  "application/json": Buffer.from(`{"requests":[${"{},".repeat(30_000)}{}]}`),
};

describe("The memory of large calls", function () {
  this.timeout(40_000);
  let service: TestService;
  let key: TestKey;
  const workers: Worker[] = [];
  const addWorker = (worker: Worker) => workers.push(worker);
  const opened: OpenRequests[] = [];
  before(async () => {
    process.on("worker", addWorker);
    service = await startTestService({ offloadMemoryBytes, maxCallTimeoutMs: 20_000 });
    ({ key } = await freshPrice(service, "1", new Date("2020-01-01")));
  });
  after(async () => {
    process.off("worker", addWorker);
    await service.stop();
  });
  afterEach(async () => {
    for (const requests of opened.splice(0)) requests.end();
    await isReturned();
  });

  const isReturned = () => until(async () => (await offloadMemory(service)).inUse === 0);
  const termsOf = () => ({ ...key, providerCost: "1000", currencyCode: "USD" });
  const messages = (count: number) => messagesOf(termsOf(), manyUsages(count), 2000);
  const requestsOf = (sent: Iterable<TestMessage>) => {
    const requests = openRequests(sent);
    opened.push(requests);
    return requests;
  };
  /** Opens a stream that holds its accounts until it is ended. */
  const openStream = (count = accounts, protocol: Protocol = "gRPC", options: object = {}) => {
    const requests = requestsOf(messages(count));
    const { pricing } = service.endpoints[protocol];
    const response = answerOf(pricing.streamAllocateCharges(requests, options));
    response.catch(() => {});
    return { requests, response };
  };
  /**
   * Sends a stream whose second message has this number of accounts. How much memory a message takes does
   * not depend on how fast it arrives: 5300 accounts fit, but not beside a stream of 40,000.
   */
  const openLargeMessage = (count: number, protocol: Protocol) => {
    const [one, ...others] = manyUsages(count + 1);
    const sent = [
      { terms: termsOf(), accountUsages: [one as TestUsage] },
      { accountUsages: others },
    ];
    const requests = requestsOf(sent);
    requests.end();
    return answerOf(service.endpoints[protocol].pricing.streamAllocateCharges(requests));
  };
  const urlOf = () =>
    `http://${formatAddress(service.server.httpAddress)}/llmprices.v1.PricingService/BatchCalculateCharges`;
  const post = async (type: string, body: Uint8Array, headers: Record<string, string> = {}) => {
    const response = await fetch(urlOf(), {
      ...{ method: "POST", body: Buffer.from(body), headers: { "content-type": type, ...headers } },
    });
    // Trailers are percent-encoded.
    return { status: response.status, text: (await response.text()).replaceAll("%20", " ") };
  };
  const isHeld = (bytes: number) =>
    until(async () => (await offloadMemory(service)).inUse === bytes);

  it("has a limit, which the metrics show with what is in use", async () => {
    expect(await offloadMemory(service)).to.deep.equal({ inUse: 0, limit: offloadMemoryBytes });
    openStream();
    await isHeld(fullBytes);
    expect((await offloadMemory(service)).inUse).to.be.below(offloadMemoryBytes);
  });

  for (const protocol of protocols) {
    it(`rejects a stream that grows when others hold the memory: ${protocol}`, async () => {
      const first = openStream(accounts, protocol);
      await isHeld(fullBytes);
      const counted = await callsEnded(service, "StreamAllocateCharges", "resource_exhausted");
      const error = await errorOf(openLargeMessage(5300, protocol));
      expect(error).to.include({ code: Code.ResourceExhausted, reason: "MEMORY_EXHAUSTED" });
      expect(error.metadata).to.include({
        ...{ limit: "BULK_MEMORY_BYTES", most: String(shareBytes), retryable: "true" },
      });
      expect(error.message)
        .to.include(`${error.metadata.asked} bytes`)
        .and.include(
          `hold ${error.metadata.in_use} of ${shareBytes} (half of BULK_MEMORY_BYTES, for one caller)`,
        )
        .and.include("try again");
      expect(error.retryAfterMs).to.be.within(500, 1500);
      expect(await callsEnded(service, "StreamAllocateCharges", "resource_exhausted")).to.equal(
        counted + 1,
      );
      first.requests.end();
      expect((await first.response).accountCharges).to.have.length(accounts);
      await isReturned();
      const { totals } = await openLargeMessage(5300, protocol);
      expect(totals?.totalCharge).to.equal("1000.00");
    });

    it(`says that a call alone needs more than there is: ${protocol}`, async () => {
      const error = await errorOf(openLargeMessage(15_000, protocol));
      expect(error).to.include({ code: Code.ResourceExhausted, reason: "MEMORY_EXHAUSTED" });
      expect(error.metadata).to.include({ retryable: "false" });
      expect(error.message).to.include("send less in one call");
      expect(error.retryAfterMs).to.equal(undefined);
    });

    it(`counts the bytes of a message before it is parsed: ${protocol}`, async () => {
      const counted = await callsEnded(service, "BatchCalculateCharges", "resource_exhausted");
      const requests = [{ ...lineOf(key), providerCost: "0".repeat(2 * mib) }];
      const { pricing } = service.endpoints[protocol];
      const error = await errorOf(pricing.batchCalculateCharges({ requests }));
      expect(error).to.include({ code: Code.ResourceExhausted, reason: "MEMORY_EXHAUSTED" });
      await until(
        async () =>
          (await callsEnded(service, "BatchCalculateCharges", "resource_exhausted")) ===
          counted + 1,
      );
    });
  }

  it("includes the charges of an AllocateCharges response", async () => {
    const accountUsages = manyUsages(12_000);
    const call = service.pricing.allocateCharges({ ...termsOf(), accountUsages });
    expect(await errorOf(call)).to.include({ reason: "MEMORY_EXHAUSTED" });
    const less = accountUsages.slice(0, 3000);
    const { accountCharges } = await service.pricing.allocateCharges({
      ...{ terms: termsOf(), accountUsages: less },
    });
    expect(accountCharges).to.have.length(less.length);
  });

  it("includes the lines and the results of a batch", async () => {
    const requests = Array.from({ length: 4000 }, () => lineOf(key));
    expect(await errorOf(service.pricing.batchCalculateCharges({ requests }))).to.include({
      reason: "MEMORY_EXHAUSTED",
    });
    const { results } = await service.pricing.batchCalculateCharges({
      requests: requests.slice(0, 1000),
    });
    expect(results).to.have.length(1000);
  });

  it("includes the rows of an import that wait to be sent to the database", async () => {
    const rowsFrom = (from: number) =>
      Array.from({ length: 500 }, (_, i) => ({ ...key, model: `m-${from + i}`, price: "1" }));
    const importRows = (count: number) => {
      const send = async function* () {
        yield { terms: { validateOnly: true, registerMissing: true } };
        for (let from = 0; from < count; from += 500) yield { rows: rowsFrom(from) };
      };
      return service.pricing.importLLMPrices(send());
    };
    expect(await errorOf(importRows(9000))).to.include({ reason: "MEMORY_EXHAUSTED" });
    await importRows(3000);
  });

  it("includes the objects of a message whose entries are empty, before it is parsed", async () => {
    for (const [type, body] of Object.entries(dense)) {
      const { status, text } = await post(type, body);
      expect(status, type).to.equal(429);
      expect(text, type).to.include("MEMORY_EXHAUSTED");
    }
    await isReturned();
  });

  for (const [encoding, compress] of Object.entries({ gzip: gzipSync, br: brotliCompressSync })) {
    it(`includes them when the message is compressed: ${encoding}`, async () => {
      const ended = () => callsEnded(service, "BatchCalculateCharges", "resource_exhausted");
      for (const [type, body] of Object.entries(dense)) {
        const counted = await ended();
        const { status, text } = await post(type, compress(body), { "content-encoding": encoding });
        expect(status, type).to.equal(429);
        expect(text, type).to.include("MEMORY_EXHAUSTED");
        await until(async () => (await ended()) === counted + 1);
      }
      await isReturned();
    });

    it(`includes them when the message is a compressed frame: ${encoding}`, async () => {
      for (const format of ["proto", "json"] as const) {
        const type = `application/grpc-web+${format}`;
        const frame = toFrame(1, compress(dense[`application/${format}`]));
        const { text } = await post(type, frame, { "grpc-encoding": encoding });
        expect(text, type).to.include("half of BULK_MEMORY_BYTES");
      }
      await isReturned();
    });

    it(`includes them when the message is compressed in a URL: ${encoding}`, async () => {
      const message = compress(dense["application/proto"]).toString("base64url");
      const query = `connect=v1&encoding=proto&base64=1&compression=${encoding}&message=${message}`;
      const response = await fetch(`${urlOf()}?${query}`);
      expect(response.status).to.equal(429);
      expect(await response.text()).to.include("MEMORY_EXHAUSTED");
      await isReturned();
    });
  }

  it("includes them when the call has compressed messages, and this one is not", async () => {
    const frame = toFrame(0, dense["application/proto"]);
    const { text } = await post("application/grpc-web+proto", frame, { "grpc-encoding": "gzip" });
    expect(text).to.include("half of BULK_MEMORY_BYTES");
  });

  it("includes compressed messages as they are after decompression", async () => {
    const pricing = createClient(
      PricingService,
      createConnectTransport({
        ...{ baseUrl: `http://${formatAddress(service.server.httpAddress)}`, httpVersion: "1.1" },
        ...{ sendCompression: compressionGzip, compressMinBytes: 0 },
      }),
    );
    const batchOf = (characters: number) => ({
      requests: [lineOf(key, { providerCost: "0".repeat(characters) })],
    });
    expect(await errorOf(pricing.batchCalculateCharges(batchOf(mib)))).to.include({
      reason: "MEMORY_EXHAUSTED",
    });
    const { results } = await pricing.batchCalculateCharges(batchOf(mib / 4));
    expect(results[0]?.result.case).to.equal("error");
  });

  it("no longer includes a compressed message of a stream that has been handled", async () => {
    const stream = createClient(
      PricingService,
      createConnectTransport({
        ...{ baseUrl: `http://${formatAddress(service.server.httpAddress)}`, httpVersion: "2" },
        ...{ sendCompression: compressionGzip, compressMinBytes: 0 },
      }),
    );
    const requests = requestsOf(messages(accounts));
    const response = answerOf(stream.streamAllocateCharges(requests));
    await isHeld(fullBytes);
    requests.end();
    expect((await response).accountCharges).to.have.length(accounts);
  });

  describe("is given back", () => {
    it("when the call succeeds", async () => {
      const { requests, response } = openStream(fewAccounts);
      await isHeld(fewBytes);
      requests.end();
      await response;
      await isReturned();
    });

    it("when the call fails", async () => {
      const failing = [
        ...messages(fewAccounts),
        { accountUsages: [{ accountId: "", usage: "1" }] },
      ];
      const stream = service.pricing.streamAllocateCharges(requestsOf(failing));
      expect((await errorOf(answerOf(stream))).reason).to.equal("INVALID_FIELD");
      await isReturned();
    });

    for (const protocol of protocols) {
      it(`when the client cancels the call: ${protocol}`, async () => {
        const controller = new AbortController();
        const { response } = openStream(fewAccounts, protocol, { signal: controller.signal });
        await isHeld(fewBytes);
        controller.abort();
        await errorOf(response);
        await isReturned();
      });

      it(`when the deadline of the call has passed: ${protocol}`, async () => {
        const { response } = openStream(fewAccounts, protocol, { timeoutMs: 700 });
        expect((await errorOf(response)).code).to.equal(Code.DeadlineExceeded);
        await isReturned();
      });
    }

    it("when the thread is lost, also of its other calls", async () => {
      const { response } = openStream(fewAccounts);
      await isHeld(fewBytes);
      const { response: other } = openStream(10);
      await until(async () => (await offloadMemory(service)).inUse > fewBytes + mib / 2);
      await workers.at(-1)?.terminate();
      expect((await errorOf(response)).reason).to.equal("THREAD_LOST");
      expect((await errorOf(other)).reason).to.equal("THREAD_LOST");
      await isReturned();
    });

    it("when the client disconnects before it has read the response", async () => {
      const controller = new AbortController();
      const { signal } = controller;
      const requests = requestsOf(messages(accounts));
      requests.end();
      const responses = service.pricing
        .streamAllocateCharges(requests, { signal })
        [Symbol.asyncIterator]();
      await responses.next();
      expect((await offloadMemory(service)).inUse).to.be.above(mib);
      controller.abort();
      await errorOf(Promise.resolve(responses.next()));
      await isReturned();
    });
  });
});

describe("The memory of one caller's large calls", function () {
  this.timeout(40_000);

  it("is at most half of the limit, so that another caller has the other half", async () => {
    const [first, second] = [freshToken("first", "manage"), freshToken("second", "manage")];
    const file = createTokensFile(first, second);
    const service = await startTestService({ offloadMemoryBytes, auth: file.auth }, undefined, {
      token: first.token,
    });
    const { key } = await freshPrice(service, "1", new Date("2020-01-01"));
    const termsOf = () => ({ ...key, providerCost: "1000", currencyCode: "USD" });
    const clients = {
      first: service.pricing,
      second: openEndpoints(service.server, { token: second.token }).gRPC.pricing,
    };
    const open = (caller: keyof typeof clients, count = accounts, size = 2000) => {
      const requests = openRequests(messagesOf(termsOf(), manyUsages(count), size));
      const response = answerOf(clients[caller].streamAllocateCharges(requests));
      response.catch(() => {});
      return { requests, response };
    };
    const holder = open("first");
    await until(async () => (await offloadMemory(service)).inUse === fullBytes);
    const error = await errorOf(open("first", 5300, 5300).response);
    expect(error).to.include({ reason: "MEMORY_EXHAUSTED" });
    expect(error.metadata).to.include({ most: String(shareBytes), retryable: "true" });
    expect(error.message).to.include("half of BULK_MEMORY_BYTES, for one caller");
    const alone = await errorOf(open("second", 4 * accounts).response);
    expect(alone.metadata).to.include({ most: String(shareBytes), retryable: "false" });
    const other = open("second");
    other.requests.end();
    expect((await other.response).totals?.totalCharge).to.equal("1000.00");
    holder.requests.end();
    await holder.response;
    await until(async () => (await offloadMemory(service)).inUse === 0);
    await service.stop();
    file.remove();
  });
});
