import { once } from "node:events";
import { request as httpRequest } from "node:http";
import { create } from "@bufbuild/protobuf";
import { BinaryWriter } from "@bufbuild/protobuf/wire";
import { Code, ConnectError } from "@connectrpc/connect";
import { expect } from "chai";
import type { LLMPriceChange } from "../../../src/gen/llmprices/v1/llm_price_pb.js";
import { WatchLLMPriceChangesRequestSchema } from "../../../src/gen/llmprices/v1/pricing_service_pb.js";
import { charge } from "../../support/book.js";
import { callsInFlight, until } from "../../support/metrics.js";
import { createTestDatabase, type TestDatabase } from "../../support/postgres.js";
import { bookVersionOf, byKey, freshPrice, type TestKey } from "../../support/prices.js";
import { type DatabaseProxy, openProxy } from "../../support/proxy.js";
import { errorOf } from "../../support/received-errors.js";
import {
  type Endpoint,
  protocols,
  startTestService,
  type TestService,
} from "../../support/service.js";

/** A watch, and what it has received. */
type Watch = {
  readonly changes: LLMPriceChange[];
  /** The last version received. */
  readonly version: () => bigint;
  readonly messages: () => number;
  /** Resolves when the stream ends, with its error if it has one. */
  readonly ended: Promise<ConnectError | undefined>;
  readonly cancel: () => void;
};

function watch({ pricing }: Pick<Endpoint, "pricing">, afterBookVersion: bigint): Watch {
  const ending = new AbortController();
  const changes: LLMPriceChange[] = [];
  let version = -1n;
  let messages = 0;
  const read = async () => {
    const call = pricing.watchLLMPriceChanges({ afterBookVersion }, { signal: ending.signal });
    for await (const response of call) {
      changes.push(...response.llmPriceChanges);
      version = response.bookVersion ?? version;
      messages += 1;
    }
    return undefined;
  };
  const ended = read().catch((error: unknown) => ConnectError.from(error));
  return {
    ...{ changes, version: () => version, messages: () => messages, ended },
    cancel: () => ending.abort(),
  };
}

const textsOf = (changes: readonly LLMPriceChange[]) =>
  changes.map(({ bookVersion, key, revision }) =>
    [bookVersion, key?.model, revision?.price ?? "end"].join(" "),
  );

describe("WatchLLMPriceChanges", function () {
  this.timeout(30_000);
  let service: TestService;
  before(async () => {
    service = await startTestService();
  });
  after(() => service.stop());

  const update = (key: TestKey, price: string) =>
    service.pricing.updateLLMPrice({ lookup: byKey(key), price });

  for (const protocol of protocols) {
    it(`sends what is missing, and then each change when it has been committed: ${protocol}`, async () => {
      const from = await bookVersionOf(service.database);
      const { key } = await freshPrice(service, "1");
      await update(key, "2");
      const watching = watch(service.endpoints[protocol], from);
      await until(() => watching.version() === from + 2n);
      const { model } = key;
      const missing = [`${from + 1n} ${model} 1`, `${from + 2n} ${model} 2`];
      expect(textsOf(watching.changes)).to.deep.equal(missing);
      await service.pricing.deleteLLMPrice({ lookup: byKey(key) });
      await until(() => watching.version() === from + 3n);
      expect(textsOf(watching.changes)).to.deep.equal([...missing, `${from + 3n} ${model} end`]);
      const before = await callsInFlight(service, "WatchLLMPriceChanges");
      watching.cancel();
      expect((await watching.ended)?.code).to.equal(Code.Canceled);
      await until(
        async () => (await callsInFlight(service, "WatchLLMPriceChanges")) === before - 1,
      );
    });

    it(`is INVALID_ARGUMENT for a negative and for a huge version: ${protocol}`, async () => {
      for (const version of [-1n, 2n ** 53n]) {
        const { ended } = watch(service.endpoints[protocol], version);
        const error = await errorOf(ended.then((failure) => Promise.reject(failure)));
        expect(error).to.deep.include({
          ...{ code: Code.InvalidArgument, reason: "INVALID_FIELD" },
          fields: ["after_book_version"],
        });
      }
    });

    it(`is UNAVAILABLE at once for a version that does not exist yet: ${protocol}`, async () => {
      const { ended } = watch(service.endpoints[protocol], 2n ** 53n - 1n);
      const error = await errorOf(ended.then((failure) => Promise.reject(failure)));
      expect(error).to.include({ code: Code.Unavailable, reason: "BOOK_BEHIND" });
    });
  }

  it("is INVALID_ARGUMENT for a field that its request does not have, through curl", async () => {
    const { host, port } = service.server.httpAddress;
    const url = `http://${host}:${port}/llmprices.v1.PricingService/WatchLLMPriceChanges`;
    const body = toEnvelope('{"after": 1}');
    const headers = { "content-type": "application/connect+json" };
    const response = await fetch(url, { method: "POST", headers, body });
    const [end] = fromEnvelopes(Buffer.from(await response.arrayBuffer()));
    expect(end?.error.code).to.equal("invalid_argument");
  });

  it("ends without an error before the limit for streams, and a new watch goes on", async () => {
    const limited = await startTestService({ maxStreamTimeoutMs: 3000 }, service.database);
    const version = await bookVersionOf(service.database);
    const watching = watch(limited, version);
    expect(await watching.ended).to.equal(undefined);
    expect(watching.version()).to.equal(version);
    await freshPrice(service, "1");
    const again = watch(limited, watching.version());
    await until(() => again.version() === version + 1n);
    expect(again.changes).to.have.lengthOf(1);
    again.cancel();
    await again.ended;
    await limited.stop();
  });

  for (const protocol of ["gRPC", "Connect"] as const) {
    it(`runs in a worker thread if its message is large: ${protocol}`, async () => {
      const from = await bookVersionOf(service.database);
      const unknown = [{ no: 15, wireType: 2, data: toBytesField(100_000) }];
      const request = create(WatchLLMPriceChangesRequestSchema, { afterBookVersion: from });
      request.$unknown = unknown;
      const received: bigint[] = [];
      const call = service.endpoints[protocol].pricing.watchLLMPriceChanges(request);
      for await (const { bookVersion = -1n } of call) {
        received.push(bookVersion);
        if (bookVersion > from) break;
        await freshPrice(service, "1");
      }
      expect(received).to.deep.equal([from, from + 1n]);
    });
  }

  it("sends its first message at once, also without a change, through curl", async () => {
    const version = await bookVersionOf(service.database);
    const request = httpRequest({
      ...{ ...service.server.httpAddress, method: "POST" },
      path: "/llmprices.v1.PricingService/WatchLLMPriceChanges",
      headers: { "content-type": "application/connect+json" },
    });
    request.end(toEnvelope(JSON.stringify({ afterBookVersion: String(version) })));
    const [response] = await once(request, "response");
    const [data] = await once(response, "data");
    expect(fromEnvelopes(data)).to.deep.equal([
      { llmPriceChanges: [], bookVersion: String(version) },
    ]);
    request.destroy();
  });

  it("sends the same to many watchers, which leave their places to other calls", async () => {
    const small = await startTestService({ maxCallsInFlight: 40 }, service.database);
    const from = await bookVersionOf(service.database);
    // Of an anonymous caller, three quarters of the places.
    const watches = Array.from({ length: 30 }, () => watch(small, from));
    await until(() => watches.every(({ version }) => version() === from));
    const { key } = await freshPrice(small, "1");
    for (let i = 2; i < 6; i += 1) {
      await small.pricing.updateLLMPrice({ lookup: byKey(key), price: String(i) });
      const calls = Array.from({ length: 10 }, () => charge(small, key));
      for (const { price } of await Promise.all(calls)) expect(price).to.equal(String(i));
    }
    const to = await bookVersionOf(service.database);
    await until(() => watches.every(({ version }) => version() === to));
    const [first] = watches;
    for (const { changes } of watches)
      expect(textsOf(changes)).to.deep.equal(textsOf(first?.changes ?? []));
    expect(first?.changes).to.have.lengthOf(5);
    for (const { cancel } of watches) cancel();
    await Promise.all(watches.map(({ ended }) => ended));
    await small.stop();
  });

  for (const protocol of protocols) {
    it(`ends without an error when the service stops, and does not delay it: ${protocol}`, async () => {
      const stopping = await startTestService({ shutdownGraceMs: 60_000 }, service.database);
      const version = await bookVersionOf(service.database);
      const watching = watch(stopping.endpoints[protocol], version);
      await until(() => watching.version() === version);
      const startedAt = performance.now();
      await stopping.stop();
      expect(await watching.ended).to.equal(undefined);
      expect(performance.now() - startedAt).to.be.below(20_000);
    });
  }
});

describe("WatchLLMPriceChanges, without its database", function () {
  this.timeout(30_000);
  let database: TestDatabase;
  let proxy: DatabaseProxy;
  let service: TestService;
  let isolated: TestService;
  before(async () => {
    database = await createTestDatabase();
    proxy = await openProxy(database.connection);
    service = await startTestService({}, database);
    isolated = await startTestService(
      { maxBookStalenessMs: 1000 },
      { ...database, connection: proxy.connection },
    );
  });
  after(async () => {
    await isolated.stop();
    await service.stop();
    proxy.close();
    await database.drop();
  });

  it("is UNAVAILABLE, and a new watch from its last version misses nothing", async () => {
    const from = await bookVersionOf(database);
    const { key } = await freshPrice(service, "1");
    const watching = watch(isolated, from);
    await until(() => watching.version() === from + 1n);
    proxy.faults.rejectsConnections = true;
    proxy.cutConnections();
    await service.pricing.updateLLMPrice({ lookup: byKey(key), price: "2" });
    const error = await errorOf(watching.ended.then((failure) => Promise.reject(failure)));
    expect(error).to.include({ code: Code.Unavailable, reason: "BOOK_STALE" });
    await service.pricing.updateLLMPrice({ lookup: byKey(key), price: "3" });
    proxy.faults.rejectsConnections = false;
    await until(async () =>
      charge(isolated, key).then(
        ({ price }) => price === "3",
        () => false,
      ),
    );
    const again = watch(isolated, watching.version());
    await until(() => again.version() === from + 3n);
    const all = [...watching.changes, ...again.changes];
    expect(textsOf(all).map((text) => text.split(" ").at(-1))).to.deep.equal(["1", "2", "3"]);
    again.cancel();
    await again.ended;
  });

  it("goes on when only the connection that follows the price book was lost", async () => {
    const from = await bookVersionOf(database);
    const watching = watch(isolated, from);
    await until(() => watching.version() === from);
    proxy.cutConnections();
    const { key } = await freshPrice(service, "1");
    await until(() => watching.version() === from + 1n);
    expect(watching.changes.map(({ key: changed }) => changed?.model)).to.deep.equal([key.model]);
    watching.cancel();
    await watching.ended;
  });
});

/** Returns a length and as many bytes: the data of an unknown field. */
function toBytesField(length: number): Uint8Array {
  return new BinaryWriter().bytes(new Uint8Array(length)).finish();
}

function toEnvelope(json: string): Buffer {
  const message = Buffer.from(json);
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}

function fromEnvelopes(bytes: Buffer) {
  const messages = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + 5 + bytes.readUInt32BE(at + 1);
    messages.push(JSON.parse(bytes.toString("utf8", at + 5, end)));
    at = end;
  }
  return messages;
}
