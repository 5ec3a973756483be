import { randomUUID } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";
import { Code } from "@connectrpc/connect";
import { expect } from "chai";
import { at, bookVersionOf, byKey, freshKey, freshPrice, priceAt } from "../../support/prices.js";
import { errorOf } from "../../support/received-errors.js";
import { startTestService, type TestService } from "../../support/service.js";

/** A write that can be made; what it is given is sent along. */
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

  /** Prepares each write so that it succeeds once; most of them would be refused a second time. */
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

  /** Makes the answer of a write so much older. */
  const age = (requestId: string, by: string) =>
    service.database
      .knex("answered_requests")
      .where({ request_id: requestId })
      .update({ created_at: service.database.knex.raw("created_at - cast(? as interval)", [by]) });
  const kept = (requestId: string) =>
    service.database.knex("answered_requests").where({ request_id: requestId });

  for (const [method, prepare] of Object.entries(writes)) {
    it(`replays the first answer of ${method}, and writes nothing`, async () => {
      const write = await prepare();
      const request = { requestId: randomUUID(), reason: "once" };
      const first = await write(request);
      const version = await bookVersionOf(service.database);
      expect(await write(request)).to.deep.equal(first);
      expect(await bookVersionOf(service.database)).to.equal(version);
    });

    it(`is refused with another body of ${method}`, async () => {
      const write = await prepare();
      const requestId = randomUUID();
      await write({ requestId, reason: "one" });
      const refusal = await errorOf(write({ requestId, reason: "another" }));
      expect(refusal).to.include({ code: Code.InvalidArgument, reason: "REQUEST_ID_REUSED" });
      expect(refusal.fields).to.deep.equal(["request_id"]);
      expect(refusal.metadata).to.deep.equal({ request_id: requestId });
    });
  }

  it("is refused with another method, be its body the same to the byte", async () => {
    const request = { name: freshName(), requestId: randomUUID() };
    await service.catalog.createChargeType({ name: request.name });
    await service.catalog.createProvider({ name: request.name });
    await service.catalog.deleteChargeType(request);
    const refusal = await errorOf(service.catalog.deleteProvider(request));
    expect(refusal).to.include({ code: Code.InvalidArgument, reason: "REQUEST_ID_REUSED" });
    const { providers } = await service.catalog.listProviders({});
    expect(providers.map(({ name }) => name)).to.include(request.name);
  });

  it("is the same in upper and in lower case", async () => {
    const { key } = await freshPrice(service, "1");
    const request = { lookup: byKey(key), price: "2" };
    const requestId = randomUUID();
    const upper = { ...request, requestId: requestId.toUpperCase() };
    const first = await service.pricing.updateLLMPrice(upper);
    expect(await service.pricing.updateLLMPrice({ ...request, requestId })).to.deep.equal(first);
  });

  it("may be empty: then each write is one of its own", async () => {
    const { key, bookVersion } = await freshPrice(service, "1");
    const request = { lookup: byKey(key), price: "2", requestId: "" };
    for (const nth of [1n, 2n]) {
      const answer = await service.pricing.updateLLMPrice(request);
      expect(answer.bookVersion).to.equal(bookVersion + nth);
    }
  });

  const uuid = "123e4567-e89b-12d3-a456-426614174000";
  for (const requestId of ["1", `{${uuid}}`, uuid.replaceAll("-", ""), `${uuid}\n`]) {
    it(`is refused as ${JSON.stringify(requestId)}`, async () => {
      const refusal = await errorOf(service.catalog.createProvider({ name: "acme", requestId }));
      expect(refusal).to.include({ code: Code.InvalidArgument, reason: "INVALID_FIELD" });
      expect(refusal.fields).to.deep.equal(["request_id"]);
    });
  }

  it("replays the first answer after the world has moved on", async () => {
    const key = await freshKey(service);
    const request = { ...key, price: "1", requestId: randomUUID() };
    const first = await service.pricing.createLLMPrice(request);
    await service.pricing.deleteLLMPrice({ lookup: byKey(key) });
    expect(await service.pricing.createLLMPrice(request)).to.deep.equal(first);
    expect(await priceAt(service, key)).to.equal(undefined);
  });

  it("replays the first answer when the effective_from has become the past", async () => {
    const { key } = await freshPrice(service, "1");
    const effectiveFrom = at(new Date(Date.now() + 300).toISOString());
    const request = { lookup: byKey(key), price: "2", effectiveFrom, requestId: randomUUID() };
    const first = await service.pricing.updateLLMPrice(request);
    while ((await priceAt(service, key)) !== "2") await wait(5);
    expect(await service.pricing.updateLLMPrice(request)).to.deep.equal(first);
  });

  it("is free after a refused write: corrected, the write is made", async () => {
    const { key } = await freshPrice(service, "1");
    const requestId = randomUUID();
    const update = (etag: string) =>
      service.pricing.updateLLMPrice({ lookup: byKey(key), price: "2", etag, requestId });
    expect(await errorOf(update("stale"))).to.include({ reason: "ETAG_MISMATCH" });
    expect(await kept(requestId)).to.deep.equal([]);
    expect((await update("")).llmPrice?.price).to.equal("2");
  });

  it("replays no refusal: the same write is made once nothing is against it", async () => {
    const request = { name: freshName(), requestId: randomUUID() };
    const refusal = await errorOf(service.catalog.deleteProvider(request));
    expect(refusal).to.include({ reason: "PROVIDER_NOT_FOUND" });
    await service.catalog.createProvider({ name: request.name });
    await service.catalog.deleteProvider(request);
    const { providers } = await service.catalog.listProviders({});
    expect(providers.map(({ name }) => name)).not.to.include(request.name);
  });

  it("writes once for 50 callers at once, through all doors", async () => {
    const { key, bookVersion } = await freshPrice(service, "1");
    const request = { lookup: byKey(key), price: "2", requestId: randomUUID() };
    const doors = Object.values(service.endpoints);
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, i) =>
        doors[i % doors.length]?.pricing.updateLLMPrice(request),
      ),
    );
    expect(answers[0]?.bookVersion).to.equal(bookVersion + 1n);
    for (const answer of answers) expect(answer).to.deep.equal(answers[0]);
    const timeline = await service.pricing.listLLMPriceRevisions({ lookup: byKey(key) });
    expect(timeline.llmPriceRevisions.map(({ price }) => price)).to.deep.equal(["1", "2"]);
  });

  it("is the same through every door: first gRPC, then the others", async () => {
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
    it("is free for another body, and a minute before is not", async () => {
      const { key } = await freshPrice(service, "1");
      const requestId = randomUUID();
      const update = (price: string) =>
        service.pricing.updateLLMPrice({ lookup: byKey(key), price, requestId });
      const first = await update("2");
      await age(requestId, "23 hours 59 minutes");
      expect(await update("2")).to.deep.equal(first);
      expect(await errorOf(update("3"))).to.include({ reason: "REQUEST_ID_REUSED" });
      // A replay does not begin the 24 hours again.
      await age(requestId, "1 minute");
      expect((await update("3")).bookVersion).to.equal(first.bookVersion + 1n);
      expect(await priceAt(service, key)).to.equal("3");
    });

    it("replays the write that has taken it over", async () => {
      const { key } = await freshPrice(service, "1");
      const request = { lookup: byKey(key), price: "2", requestId: randomUUID() };
      const first = await service.pricing.updateLLMPrice(request);
      await age(request.requestId, "24 hours");
      const second = await service.pricing.updateLLMPrice(request);
      expect(second.bookVersion).to.equal(first.bookVersion + 1n);
      expect(await service.pricing.updateLLMPrice(request)).to.deep.equal(second);
    });

    it("is forgotten when the next write with another comes, and a minute before is not", async () => {
      const [expired, fresh] = [randomUUID(), randomUUID()];
      for (const requestId of [expired, fresh]) {
        await service.catalog.createProvider({ name: freshName(), requestId });
      }
      await age(expired, "24 hours");
      await age(fresh, "23 hours 59 minutes");
      await service.catalog.createProvider({ name: freshName(), requestId: randomUUID() });
      expect(await kept(expired)).to.have.lengthOf(0);
      expect(await kept(fresh)).to.have.lengthOf(1);
    });
  });
});
