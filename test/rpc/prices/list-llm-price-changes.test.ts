import { Code } from "@connectrpc/connect";
import { expect } from "chai";
import {
  type LLMPriceChange,
  RevisionChangeKind,
} from "../../../src/gen/llmprices/v1/llm_price_pb.js";
import { at, bookVersionOf, byKey, freshPrice, textOf } from "../../support/prices.js";
import { errorOf, garbageTokens } from "../../support/received-errors.js";
import { protocols, startTestService, type TestService } from "../../support/service.js";

const since = new Date("2020-01-01");

function textsOf(changes: readonly LLMPriceChange[]): string[] {
  return changes.map(({ bookVersion, kind, revision }) =>
    [
      bookVersion,
      RevisionChangeKind[kind],
      textOf(revision?.effectiveFrom)?.slice(0, 4),
      revision?.price ?? "end",
    ].join(" "),
  );
}

describe("ListLLMPriceChanges", function () {
  this.timeout(30_000);
  let service: TestService;
  before(async () => {
    service = await startTestService();
  });
  after(() => service.stop());

  const list = (request: object) => service.pricing.listLLMPriceChanges(request);
  const version = () => bookVersionOf(service.database);

  for (const protocol of protocols) {
    it(`lists what each later version wrote and took back, in their order: ${protocol}`, async () => {
      const from = await version();
      const { key } = await freshPrice(service, "1", since);
      const lookup = byKey(key);
      const effectiveFrom = at("2100-01-01");
      await service.pricing.updateLLMPrice({ lookup, price: "2", effectiveFrom });
      await service.pricing.updateLLMPrice({ lookup, price: "3", effectiveFrom });
      await service.pricing.cancelLLMPriceRevision({ lookup, effectiveFrom });
      const correction = { correctPast: true, reason: "never sold" };
      const wrong = { lookup, effectiveFrom: at("2020-01-01"), ...correction };
      await service.pricing.deleteLLMPrice(wrong);
      const { pricing } = service.endpoints[protocol];
      const changes = await pricing.listLLMPriceChanges({ afterBookVersion: from });
      expect(textsOf(changes.llmPriceChanges)).to.deep.equal([
        `${from + 1n} WRITTEN 2020 1`,
        `${from + 2n} WRITTEN 2100 2`,
        `${from + 3n} SUPERSEDED 2100 2`,
        `${from + 3n} WRITTEN 2100 3`,
        `${from + 4n} SUPERSEDED 2100 3`,
        `${from + 5n} SUPERSEDED 2020 1`,
      ]);
      expect(changes.bookVersion).to.equal(from + 5n);
      expect(changes.nextPageToken).to.equal("");
      expect(changes.llmPriceChanges.map((each) => each.key)).to.deep.equal(
        changes.llmPriceChanges.map(() => changes.llmPriceChanges[0]?.key),
      );
      const rest = await pricing.listLLMPriceChanges({ afterBookVersion: from + 3n });
      expect(textsOf(rest.llmPriceChanges)).to.deep.equal(
        textsOf(changes.llmPriceChanges).slice(4),
      );
    });
  }

  it("lists nothing after the newest version, and all changes after version 0", async () => {
    await freshPrice(service, "1");
    const newest = await version();
    const { llmPriceChanges, bookVersion } = await list({ afterBookVersion: newest });
    expect({ llmPriceChanges, bookVersion }).to.deep.equal({
      llmPriceChanges: [],
      bookVersion: newest,
    });
    const all = await list({});
    expect(all.llmPriceChanges[0]?.bookVersion).to.equal(1n);
    expect(all.llmPriceChanges.at(-1)?.bookVersion).to.equal(newest);
  });

  it("ends its pages at the version of the first, and the next list goes on there", async () => {
    const from = await version();
    const { key } = await freshPrice(service, "0", since);
    const change = (price: string) => service.pricing.updateLLMPrice({ lookup: byKey(key), price });
    for (const price of ["1", "2", "3"]) await change(price);
    const prices: (string | undefined)[] = [];
    let pageToken = "";
    let next = 4;
    do {
      const page = await list({ afterBookVersion: from, pageSize: 1, pageToken });
      expect(page.bookVersion).to.equal(from + 4n);
      prices.push(...page.llmPriceChanges.map(({ revision }) => revision?.price));
      pageToken = page.nextPageToken;
      await change(String(next++));
    } while (pageToken !== "");
    expect(prices).to.deep.equal(["0", "1", "2", "3"]);
    const rest = await list({ afterBookVersion: from + 4n });
    expect(rest.llmPriceChanges.map(({ revision }) => revision?.price)).to.deep.equal(
      Array.from({ length: next - 4 }, (_, i) => String(i + 4)),
    );
  });

  it("keeps pages of changes and revisions with the longest reasons below 4 MiB", async () => {
    const from = await version();
    const { id, key } = await freshPrice(service, "1", since);
    // Four bytes each in UTF-8.
    await service.database.knex.raw(
      `insert into llm_price_revisions (llm_price_id, effective_from, price, changed_by, reason)
      select :id, timestamptz '2100-01-01Z' + n * interval '1 day', 1,
        repeat(U&'\\+01F4B0', 200), repeat(U&'\\+01F4B0', 1000)
      from generate_series(1, 1500) n`,
      { id },
    );
    const bytesOf = (value: unknown) =>
      Buffer.byteLength(JSON.stringify(value, (_, each) => (typeof each === "bigint" ? 0 : each)));
    const read = async (
      page: (
        pageToken: string,
      ) => Promise<{ readonly rows: readonly unknown[]; readonly nextPageToken: string }>,
    ) => {
      let count = 0;
      let pageToken = "";
      do {
        const { rows, nextPageToken } = await page(pageToken);
        expect(rows.length).to.be.greaterThan(100);
        expect(bytesOf(rows)).to.be.below(4 * 1024 * 1024);
        count += rows.length;
        pageToken = nextPageToken;
      } while (pageToken !== "");
      return count;
    };
    const changes = await read(async (pageToken) => {
      const page = await list({ afterBookVersion: from + 1n, pageToken });
      return { rows: page.llmPriceChanges, nextPageToken: page.nextPageToken };
    });
    expect(changes).to.equal(1500);
    const revisions = await read(async (pageToken) => {
      const page = await service.pricing.listLLMPriceRevisions({ lookup: byKey(key), pageToken });
      return { rows: page.llmPriceRevisions, nextPageToken: page.nextPageToken };
    });
    expect(revisions).to.equal(1501);
    let watched = 0;
    const watch = service.pricing.watchLLMPriceChanges({ afterBookVersion: from + 1n });
    for await (const message of watch) {
      expect(bytesOf(message)).to.be.below(4 * 1024 * 1024);
      watched += message.llmPriceChanges.length;
      if (message.bookVersion !== undefined) break;
    }
    expect(watched).to.equal(1500);
  });

  describe("rejects", () => {
    const invalid = { code: Code.InvalidArgument, reason: "INVALID_FIELD" };

    it("negative and huge versions, and a negative page_size", async () => {
      for (const afterBookVersion of [-1n, 2n ** 53n]) {
        const error = await errorOf(list({ afterBookVersion, pageSize: -1 }));
        expect(error).to.deep.include({ ...invalid, fields: ["after_book_version", "page_size"] });
      }
    });

    it("a version that the price book has not reached, as UNAVAILABLE", async () => {
      const error = await errorOf(list({ afterBookVersion: (await version()) + 1n }));
      expect(error).to.include({ code: Code.Unavailable, reason: "BOOK_BEHIND" });
      expect(error.message).to.include(
        `has not reached after_book_version ${(await version()) + 1n}`,
      );
    });

    it("tokens of another version, of another method, and forged ones", async () => {
      const from = await version();
      const { key } = await freshPrice(service, "1", since);
      await service.pricing.updateLLMPrice({ lookup: byKey(key), price: "2" });
      const { nextPageToken } = await list({ afterBookVersion: from, pageSize: 1 });
      const revisions = await service.pricing.listLLMPriceRevisions({
        ...{ lookup: byKey(key), pageSize: 1 },
      });
      const other = await errorOf(list({ afterBookVersion: from + 1n, pageToken: nextPageToken }));
      expect(other).to.deep.include({ ...invalid, fields: ["page_token"] });
      const [digest, after] = JSON.parse(Buffer.from(nextPageToken, "base64url").toString());
      const changed = (index: number, value: string) =>
        Buffer.from(JSON.stringify([digest, after.with(index, value), null])).toString("base64url");
      const forged = [
        ...["", "-1", "1e3", "9".repeat(17)].flatMap((each) => [
          changed(0, each),
          changed(1, each),
        ]),
        ...["", "x", after[2].toUpperCase()].map((each) => changed(2, each)),
        ...["x", "1.5", "1e300", "NaN"].map((each) => changed(3, each)),
        ...["", "deleted"].map((each) => changed(4, each)),
      ];
      for (const pageToken of [
        revisions.nextPageToken,
        ...garbageTokens(nextPageToken),
        ...forged,
      ]) {
        const error = await errorOf(list({ afterBookVersion: from, pageToken }));
        expect(error, pageToken.slice(0, 200)).to.deep.include({
          ...invalid,
          fields: ["page_token"],
        });
      }
    });
  });
});
