import { randomUUID } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";
import { Code } from "@connectrpc/connect";
import { expect } from "chai";
import { at, bookVersionOf, byKey, freshKey, freshPrice, priceAt } from "../../support/prices.js";
import { errorOf } from "../../support/received-errors.js";
import { startTestService, type TestService } from "../../support/service.js";

/** Sends a write with these fields added. */
type Write = (fields: object) => Promise<unknown>;

describe("request_id", () => {
  let service: TestService;
  before(async () => {
    service = await startTestService();
  });
  after(() => service.stop());

  let names = 0;
  const freshName = () => {
    names += 1;
    return `name_${names}`;
  };
  const future = { effectiveFrom: at("2100-01-01") };

  /** Prepares each write so that it succeeds once. Most of them would fail a second time. */
  const writes: Readonly<Record<string, () => Promise<Write>>> = {
    async CreateLLMPrice() {
      const key = await freshKey(service);
      return (fields) => service.pricing.createLLMPrice({ ...key, price: "1", ...fields });
    },
    async UpdateLLMPrice() {
      const { key, etag } = await freshPrice(service, "1");
      const request = { lookup: byKey(key), price: "2", etag };
      return (fields) => service.pricing.updateLLMPrice({ ...request, ...fields });
    },
    async DeleteLLMPrice() {
      const { key } = await freshPrice(service, "1");
      return (fields) => service.pricing.deleteLLMPrice({ lookup: byKey(key), ...fields });
    },
    async CancelLLMPriceRevision() {
      const { key } = await freshPrice(service, "1");
      const lookup = byKey(key);
      await service.pricing.updateLLMPrice({ lookup, price: "2", ...future });
      return (fields) => service.pricing.cancelLLMPriceRevision({ lookup, ...future, ...fields });
    },
    async CreateChargeType() {
      const name = freshName();
      return (fields) => service.catalog.createChargeType({ name, ...fields });
    },
    async DeleteChargeType() {
      const name = freshName();
      await service.catalog.createChargeType({ name });
      return (fields) => service.catalog.deleteChargeType({ name, ...fields });
    },
    async CreateProvider() {
      const name = freshName();
      return (fields) => service.catalog.createProvider({ name, ...fields });
    },
    async DeleteProvider() {
      const name = freshName();
      await service.catalog.createProvider({ name });
      return (fields) => service.catalog.deleteProvider({ name, ...fields });
    },
    async CreateModel() {
      const { provider } = await freshKey(service);
      const name = freshName();
      return (fields) => service.catalog.createModel({ provider, name, ...fields });
    },
    async DeleteModel() {
      const { provider, model: name } = await freshKey(service);
      return (fields) => service.catalog.deleteModel({ provider, name, ...fields });
    },
  };

  /** Makes the stored response of a write older. */
  const makeOlder = (requestId: string, by: string) =>
    service.database
      .knex("answered_requests")
      .where({ request_id: requestId })
      .update({ created_at: service.database.knex.raw("created_at - cast(? as interval)", [by]) });
  const storedResponses = (requestId: string) =>
    service.database.knex("answered_requests").where({ request_id: requestId });

  for (const [method, prepare] of Object.entries(writes)) {
    it(`replays the first response of ${method}, and writes nothing`, async () => {
      const write = await prepare();
      const request = { requestId: randomUUID(), reason: "once" };
      const first = await write(request);
      const version = await bookVersionOf(service.database);
      expect(await write(request)).to.deep.equal(first);
      expect(await bookVersionOf(service.database)).to.equal(version);
    });

    it(`is rejected with another body of ${method}`, async () => {
      const write = await prepare();
      const requestId = randomUUID();
      await write({ requestId, reason: "one" });
      const error = await errorOf(write({ requestId, reason: "another" }));
      expect(error).to.include({ code: Code.InvalidArgument, reason: "REQUEST_ID_REUSED" });
      expect(error.fields).to.deep.equal(["request_id"]);
      expect(error.metadata).to.deep.equal({ request_id: requestId });
    });
  }

  it("is rejected with another method, even if the body is the same to the byte", async () => {
    const request = { name: freshName(), requestId: randomUUID() };
    await service.catalog.createChargeType({ name: request.name });
    await service.catalog.createProvider({ name: request.name });
    await service.catalog.deleteChargeType(request);
    const error = await errorOf(service.catalog.deleteProvider(request));
    expect(error).to.include({ code: Code.InvalidArgument, reason: "REQUEST_ID_REUSED" });
    const { providers } = await service.catalog.listProviders({});
    expect(providers.map(({ name }) => name)).to.include(request.name);
  });

  it("is compared without regard to case", async () => {
    const { key } = await freshPrice(service, "1");
    const request = { lookup: byKey(key), price: "2" };
    const requestId = randomUUID();
    const upper = { ...request, requestId: requestId.toUpperCase() };
    const first = await service.pricing.updateLLMPrice(upper);
    expect(await service.pricing.updateLLMPrice({ ...request, requestId })).to.deep.equal(first);
  });

  it("may be empty, and then each call writes", async () => {
    const { key, bookVersion } = await freshPrice(service, "1");
    const request = { lookup: byKey(key), price: "2", requestId: "" };
    for (const nth of [1n, 2n]) {
      const response = await service.pricing.updateLLMPrice(request);
      expect(response.bookVersion).to.equal(bookVersion + nth);
    }
  });

  const uuid = "123e4567-e89b-12d3-a456-426614174000";
  for (const requestId of ["1", `{${uuid}}`, uuid.replaceAll("-", ""), `${uuid}\n`]) {
    it(`is rejected as ${JSON.stringify(requestId)}`, async () => {
      const error = await errorOf(service.catalog.createProvider({ name: "acme", requestId }));
      expect(error).to.include({ code: Code.InvalidArgument, reason: "INVALID_FIELD" });
      expect(error.fields).to.deep.equal(["request_id"]);
    });
  }

  it("replays the first response after the price has changed", async () => {
    const key = await freshKey(service);
    const request = { ...key, price: "1", requestId: randomUUID() };
    const first = await service.pricing.createLLMPrice(request);
    await service.pricing.deleteLLMPrice({ lookup: byKey(key) });
    expect(await service.pricing.createLLMPrice(request)).to.deep.equal(first);
    expect(await priceAt(service, key)).to.equal(undefined);
  });

  it("replays the first response when effective_from is in the past by then", async () => {
    const { key } = await freshPrice(service, "1");
    const effectiveFrom = at(new Date(Date.now() + 300).toISOString());
    const request = { lookup: byKey(key), price: "2", effectiveFrom, requestId: randomUUID() };
    const first = await service.pricing.updateLLMPrice(request);
    while ((await priceAt(service, key)) !== "2") await wait(5);
    expect(await service.pricing.updateLLMPrice(request)).to.deep.equal(first);
  });

  it("can be used again after a rejected write, with a corrected request", async () => {
    const { key } = await freshPrice(service, "1");
    const requestId = randomUUID();
    const update = (etag: string) =>
      service.pricing.updateLLMPrice({ lookup: byKey(key), price: "2", etag, requestId });
    expect(await errorOf(update("stale"))).to.include({ reason: "ETAG_MISMATCH" });
    expect(await storedResponses(requestId)).to.deep.equal([]);
    expect((await update("")).llmPrice?.price).to.equal("2");
  });

  it("replays no error: the same write succeeds once its precondition holds", async () => {
    const request = { name: freshName(), requestId: randomUUID() };
    const error = await errorOf(service.catalog.deleteProvider(request));
    expect(error).to.include({ reason: "PROVIDER_NOT_FOUND" });
    await service.catalog.createProvider({ name: request.name });
    await service.catalog.deleteProvider(request);
    const { providers } = await service.catalog.listProviders({});
    expect(providers.map(({ name }) => name)).not.to.include(request.name);
  });

  it("writes once for 50 concurrent calls, through all protocols", async () => {
    const { key, bookVersion } = await freshPrice(service, "1");
    const request = { lookup: byKey(key), price: "2", requestId: randomUUID() };
    const endpoints = Object.values(service.endpoints);
    const responses = await Promise.all(
      Array.from({ length: 50 }, (_, i) =>
        endpoints[i % endpoints.length]?.pricing.updateLLMPrice(request),
      ),
    );
    expect(responses[0]?.bookVersion).to.equal(bookVersion + 1n);
    for (const response of responses) expect(response).to.deep.equal(responses[0]);
    const timeline = await service.pricing.listLLMPriceRevisions({ lookup: byKey(key) });
    expect(timeline.llmPriceRevisions.map(({ price }) => price)).to.deep.equal(["1", "2"]);
  });

  it("replays a response to gRPC through every other protocol", async () => {
    const { key } = await freshPrice(service, "1");
    const request = { lookup: byKey(key), price: "2", reason: "ä", ...future };
    const requestId = randomUUID();
    const first = await service.pricing.updateLLMPrice({ ...request, requestId });
    for (const [protocol, { pricing }] of Object.entries(service.endpoints)) {
      const again = await pricing.updateLLMPrice({ ...request, requestId });
      expect(again, protocol).to.deep.equal(first);
    }
  });

  describe("after 24 hours", () => {
    it("can be used for another body, and not a minute before", async () => {
      const { key } = await freshPrice(service, "1");
      const requestId = randomUUID();
      const update = (price: string) =>
        service.pricing.updateLLMPrice({ lookup: byKey(key), price, requestId });
      const first = await update("2");
      await makeOlder(requestId, "23 hours 59 minutes");
      expect(await update("2")).to.deep.equal(first);
      expect(await errorOf(update("3"))).to.include({ reason: "REQUEST_ID_REUSED" });
      // A replay does not restart the 24 hours.
      await makeOlder(requestId, "1 minute");
      expect((await update("3")).bookVersion).to.equal(first.bookVersion + 1n);
      expect(await priceAt(service, key)).to.equal("3");
    });

    it("replays the write that has reused it", async () => {
      const { key } = await freshPrice(service, "1");
      const request = { lookup: byKey(key), price: "2", requestId: randomUUID() };
      const first = await service.pricing.updateLLMPrice(request);
      await makeOlder(request.requestId, "24 hours");
      const second = await service.pricing.updateLLMPrice(request);
      expect(second.bookVersion).to.equal(first.bookVersion + 1n);
      expect(await service.pricing.updateLLMPrice(request)).to.deep.equal(second);
    });

    it("is deleted by the next write with another id, and not a minute before", async () => {
      const [expired, fresh] = [randomUUID(), randomUUID()];
      for (const requestId of [expired, fresh]) {
        await service.catalog.createProvider({ name: freshName(), requestId });
      }
      await makeOlder(expired, "24 hours");
      await makeOlder(fresh, "23 hours 59 minutes");
      await service.catalog.createProvider({ name: freshName(), requestId: randomUUID() });
      expect(await storedResponses(expired)).to.have.lengthOf(0);
      expect(await storedResponses(fresh)).to.have.lengthOf(1);
    });
  });
});
