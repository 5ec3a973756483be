import { randomUUID } from "node:crypto";
import { Code } from "@connectrpc/connect";
import { expect } from "chai";
import type { LLMPriceRevision } from "../../../src/gen/llmprices/v1/llm_price_pb.js";
import { at, byId, byKey, freshPrice, registerNames, textOf } from "../../support/prices.js";
import { errorOf, garbageTokens } from "../../support/received-errors.js";
import { startTestService, type TestService } from "../../support/service.js";

describe("ListLLMPriceRevisions", () => {
  let service: TestService;
  before(async () => {
    service = await startTestService();
  });
  after(() => service.stop());

  const list = (request: object) => service.pricing.listLLMPriceRevisions(request);
  const from = (year: string) => ({ effectiveFrom: at(`${year}-01-01`) });
  const spanOf = ({ effectiveFrom, effectiveUntil }: LLMPriceRevision) =>
    `${textOf(effectiveFrom)?.slice(0, 4)}-${textOf(effectiveUntil)?.slice(0, 4) ?? ""}`;

  /** Creates a price of 1 since 2020, then of 2, 3 and so on from the start of each year on. */
  const stepsIn = async (...years: readonly string[]) => {
    const price = await freshPrice(service, "1", new Date("2020-01-01"));
    const lookup = byKey(price.key);
    for (const [i, year] of years.entries()) {
      await service.pricing.updateLLMPrice({ lookup, price: `${i + 2}`, ...from(year) });
    }
    return { ...price, lookup };
  };

  it("returns the whole timeline, oldest first, each revision with the start of the next as its end", async () => {
    const { key, lookup } = await stepsIn("2102", "2100");
    await service.pricing.deleteLLMPrice({ lookup, ...from("2103") });
    await service.pricing.createLLMPrice({ ...key, price: "0", ...from("2104") });
    const { llmPriceRevisions, nextPageToken } = await list({ lookup });
    expect(llmPriceRevisions.map((each) => [spanOf(each), each.price])).to.deep.equal([
      ["2020-2100", "1"],
      ["2100-2102", "3"],
      ["2102-2103", "2"],
      ["2103-2104", undefined],
      ["2104-", "0"],
    ]);
    expect(nextPageToken).to.equal("");
  });

  it("returns past prices, and the end of a price lasts until the key is created again", async () => {
    const { key, lookup } = await stepsIn();
    const { llmPrice: ended } = await service.pricing.deleteLLMPrice({ lookup });
    const { llmPrice: again } = await service.pricing.createLLMPrice({ ...key, price: "2" });
    const { llmPriceRevisions } = await list({ lookup });
    const untils = llmPriceRevisions.map(({ effectiveUntil }) => effectiveUntil);
    expect(untils).to.deep.equal([ended?.effectiveUntil, again?.effectiveFrom, undefined]);
    expect(llmPriceRevisions[1]?.effectiveFrom).to.deep.equal(ended?.effectiveUntil);
  });

  it("returns the caller, the reason, the time and the book version of each revision", async () => {
    const earliest = Date.now();
    const { lookup, id, bookVersion } = await stepsIn();
    const updated = await service.pricing.updateLLMPrice({ lookup, price: "2", reason: "dearer" });
    const end = { lookup, reason: "discontinued", ...from("2100") };
    const ended = await service.pricing.deleteLLMPrice(end);
    const { llmPriceRevisions } = await list({ lookup });
    const records = llmPriceRevisions.map((each) => {
      const { llmPriceId, changedBy, reason, bookVersion } = each;
      return [llmPriceId, changedBy, reason, bookVersion];
    });
    expect(records).to.deep.equal([
      [id, "anonymous", "", bookVersion],
      [id, "anonymous", "dearer", updated.bookVersion],
      [id, "anonymous", "discontinued", ended.bookVersion],
    ]);
    const times = llmPriceRevisions.map((each) => Date.parse(textOf(each.createdAt) ?? ""));
    expect(times[0]).to.be.within(earliest, Date.now());
    // The created_at of a revision that takes effect at once is its effective_from.
    expect(llmPriceRevisions[1]?.createdAt).to.deep.equal(updated.llmPrice?.effectiveFrom);
    expect(times[2]).to.be.within((times[1] ?? 0) + 1, Date.now());
  });

  it("returns the same by id and by key", async () => {
    const { id, lookup } = await stepsIn("2100");
    const response = await list({ lookup });
    expect(response.llmPriceRevisions).to.have.lengthOf(2);
    expect(await list({ lookup: byId(id.toUpperCase()) })).to.deep.equal(response);
  });

  it("returns no revision for a key whose only price was cancelled before its start", async () => {
    const { id } = await freshPrice(service, "1", new Date("2100-01-01"));
    await service.pricing.deleteLLMPrice({ lookup: byId(id) });
    const { llmPriceRevisions, nextPageToken } = await list({ lookup: byId(id) });
    expect({ llmPriceRevisions, nextPageToken }).to.deep.equal({
      llmPriceRevisions: [],
      nextPageToken: "",
    });
  });

  it("is NOT_FOUND for an unknown key, and suggests the nearest", async () => {
    const key = { chargeType: "tool", provider: "openai", model: "gpt-4o" };
    await registerNames(service, key);
    await service.pricing.createLLMPrice({ ...key, price: "1" });
    const error = await errorOf(list({ lookup: byKey({ ...key, model: "gpt-4oo" }) }));
    expect(error).to.include({ code: Code.NotFound, reason: "PRICE_NOT_FOUND" });
    expect(error.metadata.nearest_1).to.equal("tool/openai/gpt-4o");
  });

  it("is NOT_FOUND for an unknown id", async () => {
    const error = await errorOf(list({ lookup: byId(randomUUID()) }));
    expect(error).to.include({ code: Code.NotFound, reason: "PRICE_NOT_FOUND" });
  });

  describe("with show_superseded", () => {
    it("returns what later versions took back, with the end of the last version that said it", async () => {
      const { lookup } = await stepsIn("2100", "2102");
      const price = { lookup, price: "9" };
      const first = await service.pricing.updateLLMPrice({ ...price, ...from("2100") });
      const second = await service.pricing.updateLLMPrice({ ...price, ...from("2101") });
      const cancelled = await service.pricing.cancelLLMPriceRevision({ lookup, ...from("2102") });
      const { llmPriceRevisions } = await list({ lookup, showSuperseded: true });
      const found = llmPriceRevisions.map((each) => [spanOf(each), each.supersededIn]);
      expect(found).to.deep.equal([
        ["2020-2100", undefined],
        // When it was taken back, no revision began in 2101.
        ["2100-2102", first.bookVersion],
        ["2100-2101", undefined],
        ["2101-", undefined],
        ["2102-", cancelled.bookVersion],
      ]);
      expect(second.bookVersion).to.equal(first.bookVersion + 1n);
      const standing = await list({ lookup });
      expect(standing.llmPriceRevisions).to.deep.equal(
        llmPriceRevisions.filter(({ supersededIn }) => supersededIn === undefined),
      );
    });

    it("returns revisions of the same start on several pages, each once", async () => {
      const { lookup } = await stepsIn("2100");
      for (const price of ["2", "3", "4"]) {
        await service.pricing.updateLLMPrice({ lookup, price, ...from("2100") });
      }
      const prices: (string | undefined)[] = [];
      let pageToken = "";
      do {
        const page = await list({ lookup, showSuperseded: true, pageSize: 1, pageToken });
        prices.push(...page.llmPriceRevisions.map(({ price }) => price));
        pageToken = page.nextPageToken;
      } while (pageToken !== "");
      expect(prices).to.deep.equal(["1", "2", "2", "3", "4"]);
    });
  });

  describe("in pages", () => {
    const page = async (request: object) => {
      const { llmPriceRevisions, nextPageToken } = await list(request);
      return { spans: llmPriceRevisions.map(spanOf), pageToken: nextPageToken };
    };

    it("returns each revision once, with its end, even if the next revision is on the next page", async () => {
      const { lookup } = await stepsIn("2100", "2101", "2102");
      const first = await page({ lookup, pageSize: 2 });
      expect(first.spans).to.deep.equal(["2020-2100", "2100-2101"]);
      const second = await page({ lookup, pageSize: 2, pageToken: first.pageToken });
      expect(second).to.deep.equal({ spans: ["2101-2102", "2102-"], pageToken: "" });
    });

    it("returns no next_page_token on a page that ends with the last revision", async () => {
      const { lookup } = await stepsIn("2100", "2101");
      expect((await page({ lookup, pageSize: 2 })).pageToken).not.to.equal("");
      expect((await page({ lookup, pageSize: 3 })).pageToken).to.equal("");
    });

    it("continues after the last revision of a page, even if others are added before and after it", async () => {
      const { lookup } = await stepsIn("2100", "2104");
      const { pageToken } = await page({ lookup, pageSize: 2 });
      for (const year of ["2099", "2102", "2106"]) {
        await service.pricing.updateLLMPrice({ lookup, price: "9", ...from(year) });
      }
      const { spans } = await page({ lookup, pageToken });
      expect(spans).to.deep.equal(["2102-2104", "2104-2106", "2106-"]);
    });

    it("continues after a revision that has been cancelled since", async () => {
      const { lookup } = await stepsIn("2100", "2101");
      const { pageToken } = await page({ lookup, pageSize: 2 });
      await service.pricing.cancelLLMPriceRevision({ lookup, ...from("2100") });
      expect((await page({ lookup, pageToken })).spans).to.deep.equal(["2101-"]);
    });

    it("accepts the token of a list by key for a list by id and for another page_size", async () => {
      const { lookup, id } = await stepsIn("2100", "2101");
      const { pageToken } = await page({ lookup, pageSize: 1 });
      const { spans } = await page({ lookup: byId(id), pageSize: 2, pageToken });
      expect(spans).to.deep.equal(["2100-2101", "2101-"]);
    });

    it("returns at most 1000 revisions on a page, also by default", async () => {
      const { id, lookup } = await stepsIn();
      // Inserts in SQL, because the service writes revisions one by one.
      await service.database.knex.raw(
        `insert into llm_price_revisions (llm_price_id, effective_from, price)
        select :id, timestamptz '2100-01-01Z' + n * interval '1 day', 1
        from generate_series(1, 1000) n`,
        { id },
      );
      const sizeFor = async (pageSize: number) => (await page({ lookup, pageSize })).spans.length;
      expect(await sizeFor(0)).to.equal(1000);
      expect(await sizeFor(1)).to.equal(1);
      expect(await sizeFor(1000)).to.equal(1000);
      expect(await sizeFor(1001)).to.equal(1000);
    });
  });

  describe("rejects", () => {
    const violationsOf = async (request: object, context?: string) => {
      const { code, reason, fields } = await errorOf(list(request));
      expect({ code, reason }, context).to.deep.equal({
        code: Code.InvalidArgument,
        reason: "INVALID_FIELD",
      });
      return fields;
    };
    const tokenOf = async (lookup: object) => (await list({ lookup, pageSize: 1 })).nextPageToken;

    it("a page_token of another key", async () => {
      const { lookup } = await stepsIn("2100");
      const pageToken = await tokenOf((await stepsIn("2100")).lookup);
      expect(await violationsOf({ lookup, pageToken })).to.deep.equal(["page_token"]);
    });

    it("a page_token of a list with other show_superseded", async () => {
      const { lookup } = await stepsIn("2100");
      const pageToken = await tokenOf(lookup);
      const fields = await violationsOf({ lookup, pageToken, showSuperseded: true });
      expect(fields).to.deep.equal(["page_token"]);
    });

    it("a page_token of another method", async () => {
      const { lookup } = await stepsIn("2100");
      const { nextPageToken } = await service.catalog.listChargeTypes({ pageSize: 1 });
      const fields = await violationsOf({ lookup, pageToken: nextPageToken });
      expect(fields).to.deep.equal(["page_token"]);
    });

    it("a page_token that no list has returned", async () => {
      const { lookup } = await stepsIn("2100");
      for (const pageToken of garbageTokens(await tokenOf(lookup))) {
        const context = pageToken.slice(0, 80);
        expect(await violationsOf({ lookup, pageToken }, context), context).to.deep.equal([
          "page_token",
        ]);
      }
    });

    it("a page_token whose position is no instant", async () => {
      const { lookup } = await stepsIn("2100");
      const genuine = Buffer.from(await tokenOf(lookup), "base64url").toString();
      for (const position of ["", "x", "1.5", "1e300", "-1e300", "NaN", "0x10"]) {
        const forged = JSON.stringify([JSON.parse(genuine)[0], [position], null]);
        const pageToken = Buffer.from(forged).toString("base64url");
        const fields = await violationsOf({ lookup, pageToken }, position);
        expect(fields, position).to.deep.equal(["page_token"]);
      }
    });

    it("a negative page_size and an invalid page_token at once", async () => {
      const { lookup } = await stepsIn("2100");
      expect(await violationsOf({ lookup, pageSize: -1 })).to.deep.equal(["page_size"]);
      const fields = await violationsOf({ lookup, pageSize: -1, pageToken: "x" });
      expect(fields).to.have.members(["page_size", "page_token"]);
    });

    it("an incomplete key and a missing one", async () => {
      const lookup = byKey({ chargeType: "", provider: "acme", model: "m" });
      expect(await violationsOf({ lookup })).to.deep.equal(["key.charge_type"]);
      expect(await violationsOf({})).to.deep.equal(["id"]);
    });
  });
});
