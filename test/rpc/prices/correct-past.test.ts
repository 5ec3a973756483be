import { Code } from "@connectrpc/connect";
import { expect } from "chai";
import {
  at,
  bookVersionOf,
  byKey,
  freshKey,
  freshPrice,
  priceAt,
  textOf,
} from "../../support/prices.js";
import { errorOf } from "../../support/received-errors.js";
import { startTestService, type TestService } from "../../support/service.js";

const since = new Date("2020-01-01");
const correction = { correctPast: true, reason: "the list was wrong" };
const from = (time: string) => ({ effectiveFrom: at(time) });
const invalid = { code: Code.InvalidArgument, reason: "INVALID_FIELD" };

describe("correct_past", function () {
  this.timeout(20_000);
  let service: TestService;
  before(async () => {
    service = await startTestService();
  });
  after(() => service.stop());

  const ended = async () => {
    const { key } = await freshPrice(service, "1", since);
    await service.pricing.deleteLLMPrice({
      ...{ lookup: byKey(key), ...from("2021-01-01"), ...correction },
    });
    return key;
  };

  it("updates from a past time until the next revision, and the older version says what it said", async () => {
    const { key, bookVersion } = await freshPrice(service, "1", since);
    const lookup = byKey(key);
    await service.pricing.updateLLMPrice({
      lookup,
      price: "2",
      ...from("2023-01-01"),
      ...correction,
    });
    const { llmPrice } = await service.pricing.updateLLMPrice({
      ...{ lookup, price: "3", ...from("2022-01-01"), ...correction },
    });
    expect(textOf(llmPrice?.effectiveUntil)).to.equal("2023-01-01T00:00:00.000Z");
    const prices = ["2021-12-31", "2022-01-01", "2022-12-31", "2023-01-01"];
    expect(await Promise.all(prices.map((time) => priceAt(service, key, time)))).to.deep.equal([
      ...["1", "3", "3", "2"],
    ]);
    const { llmPrice: before } = await service.pricing.getLLMPrice({
      ...{ lookup, asOf: at("2022-06-01"), bookVersion },
    });
    expect(before?.price).to.equal("1");
  });

  it("replaces a revision that begins exactly then", async () => {
    const { key, bookVersion } = await freshPrice(service, "1", since);
    const lookup = byKey(key);
    await service.pricing.updateLLMPrice({
      lookup,
      price: "2",
      ...from("2020-01-01"),
      ...correction,
    });
    const { llmPriceRevisions } = await service.pricing.listLLMPriceRevisions({ lookup });
    expect(llmPriceRevisions.map(({ price }) => price)).to.deep.equal(["2"]);
    const all = await service.pricing.listLLMPriceRevisions({ lookup, showSuperseded: true });
    expect(
      all.llmPriceRevisions.map(({ price, bookVersion, supersededIn, effectiveUntil }) => ({
        ...{ price, bookVersion, supersededIn, effectiveUntil },
      })),
    ).to.deep.equal([
      {
        ...{ price: "1", bookVersion },
        ...{ supersededIn: llmPriceRevisions[0]?.bookVersion, effectiveUntil: undefined },
      },
      {
        ...{ price: "2", bookVersion: llmPriceRevisions[0]?.bookVersion },
        ...{ supersededIn: undefined, effectiveUntil: undefined },
      },
    ]);
  });

  it("begins a price earlier than its first revision", async () => {
    const { key } = await freshPrice(service, "1", since);
    await service.pricing.updateLLMPrice({
      ...{ lookup: byKey(key), price: "2", ...from("2019-01-01"), ...correction },
    });
    expect(await priceAt(service, key, "2018-12-31")).to.equal(undefined);
    expect(await priceAt(service, key, "2019-06-01")).to.equal("2");
    expect(await priceAt(service, key, "2020-01-01")).to.equal("1");
  });

  it("creates a price where the key had none, and leaves what comes later", async () => {
    const key = await ended();
    await service.pricing.createLLMPrice({
      ...key,
      price: "5",
      ...from("2018-01-01"),
      ...correction,
    });
    await service.pricing.createLLMPrice({
      ...key,
      price: "2",
      ...from("2022-01-01"),
      ...correction,
    });
    const times = ["2018-06-01", "2020-06-01", "2021-06-01", "2022-06-01"];
    expect(await Promise.all(times.map((time) => priceAt(service, key, time)))).to.deep.equal([
      ...["5", "1", undefined, "2"],
    ]);
    const error = await errorOf(
      service.pricing.createLLMPrice({ ...key, price: "3", ...from("2020-06-01"), ...correction }),
    );
    expect(error).to.include({ code: Code.AlreadyExists, reason: "PRICE_ALREADY_EXISTS" });
  });

  it("ends a price in the past, with all that came later", async () => {
    const { key } = await freshPrice(service, "1", since);
    const lookup = byKey(key);
    await service.pricing.updateLLMPrice({ lookup, price: "2" });
    await service.pricing.updateLLMPrice({ lookup, price: "3", ...from("2100-01-01") });
    const { llmPrice } = await service.pricing.deleteLLMPrice({
      ...{ lookup, ...from("2021-01-01"), ...correction },
    });
    expect(llmPrice?.price).to.equal("1");
    expect(textOf(llmPrice?.effectiveUntil)).to.equal("2021-01-01T00:00:00.000Z");
    const { llmPriceRevisions } = await service.pricing.listLLMPriceRevisions({ lookup });
    expect(llmPriceRevisions.map(({ price }) => price)).to.deep.equal(["1", undefined]);
  });

  it("needs a reason, and nothing is written without one", async () => {
    const { key } = await freshPrice(service, "1", since);
    const other = await freshKey(service);
    const before = await bookVersionOf(service.database);
    const lookup = byKey(key);
    const calls = [
      () =>
        service.pricing.updateLLMPrice({
          lookup,
          price: "2",
          ...from("2021-01-01"),
          correctPast: true,
        }),
      () => service.pricing.deleteLLMPrice({ lookup, ...from("2021-01-01"), correctPast: true }),
      () => service.pricing.createLLMPrice({ ...other, price: "2", correctPast: true }),
    ];
    for (const call of calls) {
      expect(await errorOf(call())).to.deep.include({ ...invalid, fields: ["reason"] });
    }
    expect(await bookVersionOf(service.database)).to.equal(before);
  });

  it("is what a past time needs, unless the key never had a price", async () => {
    const { key } = await freshPrice(service, "1", since);
    const lookup = byKey(key);
    const past = from("2021-01-01");
    const key2 = await ended();
    for (const call of [
      () => service.pricing.updateLLMPrice({ lookup, price: "2", ...past, reason: "a reason" }),
      () => service.pricing.deleteLLMPrice({ lookup, ...past, reason: "a reason" }),
      () => service.pricing.createLLMPrice({ ...key2, price: "2", ...past, reason: "a reason" }),
    ]) {
      expect(await errorOf(call())).to.deep.include({ ...invalid, fields: ["effective_from"] });
    }
  });

  it("compares the etag as other writes do", async () => {
    const { key, etag } = await freshPrice(service, "1", since);
    const lookup = byKey(key);
    const update = (price: string) =>
      service.pricing.updateLLMPrice({ lookup, price, ...from("2021-01-01"), ...correction, etag });
    await update("2");
    expect(await errorOf(update("3"))).to.include({ code: Code.Aborted, reason: "ETAG_MISMATCH" });
    const error = await errorOf(
      service.pricing.deleteLLMPrice({ lookup, ...from("2021-01-01"), ...correction, etag }),
    );
    expect(error).to.include({ code: Code.Aborted, reason: "ETAG_MISMATCH" });
  });

  it("is not kept for the next transaction of a connection", async () => {
    const { key } = await freshPrice(service, "1", since);
    const lookup = byKey(key);
    for (let i = 0; i < 5; i += 1) {
      await service.pricing.updateLLMPrice({
        ...{ lookup, price: `${i + 2}`, ...from("2021-01-01"), ...correction },
      });
      const update = service.pricing.updateLLMPrice({ lookup, price: "9", ...from("2022-01-01") });
      expect(await errorOf(update)).to.deep.include({ ...invalid, fields: ["effective_from"] });
    }
    const { rows } = await service.database.knex.raw(
      "select coalesce(current_setting('llmprices.correct_past', true), '') as setting",
    );
    expect(rows[0].setting).to.equal("");
  });
});
