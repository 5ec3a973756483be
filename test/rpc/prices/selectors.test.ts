import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import { expect } from "chai";
import fc from "fast-check";
import { toKeyText } from "../../../src/domain/price-key.js";
import { MissingPrices } from "../../../src/gen/llmprices/v1/llm_price_import_pb.js";
import {
  CandidateState,
  LLMPriceSuggestionsSchema,
  PriceAudience,
} from "../../../src/gen/llmprices/v1/llm_price_pb.js";
import { usagesOf } from "../../support/allocations.js";
import { chargeIn, lineOf, type TestLine } from "../../support/batches.js";
import { countsOf, importRows, type TestRow, type TestTerms } from "../../support/imports.js";
import { at, byId, byKey, registerNames, type TestKey } from "../../support/prices.js";
import { errorOf } from "../../support/received-errors.js";
import { protocols, startTestService, type TestService } from "../../support/service.js";

/** Returns a key; what is left out matches all. */
const select = (parts: Partial<TestKey>): TestKey => ({
  ...{ chargeType: "*", provider: "*", model: "*" },
  ...parts,
});
const keyText = (key: Parameters<typeof toKeyText>[0] | undefined) => key && toKeyText(key);

/** The example of the documentation: docs/pricing-rules.md. */
const table: readonly (readonly [Partial<TestKey>, string])[] = [
  [{}, "1.3"],
  [{ provider: "openai" }, "1.2"],
  [{ provider: "openai", model: "gpt-5*" }, "1.25"],
  [{ provider: "openai", chargeType: "tool" }, "1.0"],
  [{ priceList: "gold", provider: "openai" }, "1.1"],
  [{ accountId: "acme", provider: "openai", model: "gpt-5" }, "1.05"],
];
const openai = { chargeType: "completion", provider: "openai" };
const requests: readonly (readonly [string, TestKey, string])[] = [
  ["the longer beginning before the provider", { ...openai, model: "gpt-5-mini" }, "1.25"],
  [
    "the model before the charge type",
    { ...openai, chargeType: "tool", model: "gpt-5-mini" },
    "1.25",
  ],
  ["the charge type by name", { ...openai, chargeType: "tool", model: "gpt-4o" }, "1"],
  ["the price list before everyone", { ...openai, priceList: "gold", model: "gpt-5-mini" }, "1.1"],
  [
    "the account before its price list",
    { ...openai, accountId: "acme", priceList: "gold", model: "gpt-5" },
    "1.05",
  ],
  [
    "the price list if the account has no price",
    { ...openai, accountId: "acme", priceList: "gold", model: "gpt-4o" },
    "1.1",
  ],
  [
    "everyone if neither has a price",
    { ...openai, accountId: "other", priceList: "silver", model: "gpt-5" },
    "1.25",
  ],
  ["the catch-all", { ...openai, provider: "mistral", model: "mistral-large" }, "1.3"],
];

describe("Prices with patterns", () => {
  let service: TestService;
  before(async () => {
    service = await startTestService();
    await registerNames(service, { provider: "openai", model: "gpt-5" });
    for (const [parts, price] of table)
      await service.pricing.createLLMPrice({ ...select(parts), price });
  });
  after(() => service.stop());

  for (const protocol of protocols) {
    describe(`over ${protocol}`, () => {
      for (const [what, request, price] of requests) {
        it(`apply in their order: ${what}`, async () => {
          const { pricing } = service.endpoints[protocol];
          const line = lineOf(request);
          const { markup, appliedPrice } = await pricing.calculateCharge(line);
          expect(markup).to.equal(price);
          const { results } = await pricing.batchCalculateCharges({ requests: [line] });
          expect(chargeIn(results[0]).appliedPrice).to.deep.equal(appliedPrice);
          const { applied, candidates } = await pricing.explainLLMPrice(request);
          expect(applied).to.deep.equal(appliedPrice);
          expect(candidates[0]?.state).to.equal(CandidateState.APPLIED);
          expect(candidates[0]?.llmPrice?.id).to.equal(appliedPrice?.llmPriceId);
          expect(candidates[0]?.llmPrice?.price).to.equal(price);
        });
      }
    });
  }

  it("are explained: all that match, the most specific first", async () => {
    const { candidates } = await service.pricing.explainLLMPrice({
      ...{ ...openai, accountId: "acme", priceList: "gold", chargeType: "tool", model: "gpt-5" },
    });
    const shown = candidates.map(({ llmPrice, state, changedBy }) => [
      keyText(llmPrice),
      CandidateState[state],
      changedBy,
    ]);
    expect(shown).to.deep.equal([
      ["*/openai/gpt-5 (account acme)", "APPLIED", "anonymous"],
      ["*/openai/* (price list gold)", "SHADOWED", "anonymous"],
      ["*/openai/gpt-5*", "SHADOWED", "anonymous"],
      ["tool/openai/*", "SHADOWED", "anonymous"],
      ["*/openai/*", "SHADOWED", "anonymous"],
      ["*/*/*", "SHADOWED", "anonymous"],
    ]);
  });

  it("have the key that matched in applied_price", async () => {
    const keyOf = async (line: TestLine) => {
      const { appliedPrice } = await service.pricing.calculateCharge(line);
      return keyText(appliedPrice?.key);
    };
    const line = lineOf({ ...openai, model: "gpt-5" });
    expect(await keyOf({ ...line, accountId: "acme" })).to.equal("*/openai/gpt-5 (account acme)");
    expect(await keyOf({ ...line, priceList: "gold" })).to.equal("*/openai/* (price list gold)");
    expect(await keyOf(line)).to.equal("*/openai/gpt-5*");
  });

  it("apply to an allocation by its price list", async () => {
    const terms = { ...openai, model: "gpt-5", providerCost: "100", currencyCode: "USD" };
    const allocate = async (changes: { priceList?: string }) => {
      const { totals } = await service.pricing.allocateCharges({
        terms: { ...terms, ...changes },
        accountUsages: usagesOf({ acme: "1", other: "1" }),
      });
      return totals?.totalCharge;
    };
    expect(await allocate({ priceList: "gold" })).to.equal("110.00");
    expect(await allocate({})).to.equal("125.00");
  });

  it("are read, changed, listed and ended by their exact key", async () => {
    const { pricing } = service;
    const key = select({ accountId: "ü€ 😀", ...openai, model: "o3*" });
    const { llmPrice } = await pricing.createLLMPrice({ ...key, price: "1.5" });
    expect(llmPrice).to.deep.include({ ...key, priceList: "", price: "1.5" });
    const found = await pricing.getLLMPrice({ lookup: byKey(key) });
    expect(found.llmPrice).to.deep.equal(llmPrice);
    const open = { ...key, chargeType: "" };
    expect((await pricing.getLLMPrice({ lookup: byKey(open) })).llmPrice?.id).to.equal(
      llmPrice?.id,
    );
    expect(
      (await errorOf(pricing.getLLMPrice({ lookup: byKey({ ...key, accountId: "" }) }))).reason,
    ).to.equal("PRICE_NOT_FOUND");
    await pricing.updateLLMPrice({ lookup: byKey(key), price: "1.6", etag: llmPrice?.etag ?? "" });
    const { llmPriceRevisions } = await pricing.listLLMPriceRevisions({ lookup: byKey(key) });
    expect(llmPriceRevisions.map(({ price }) => price)).to.deep.equal(["1.5", "1.6"]);
    const { bookVersion } = await pricing.deleteLLMPrice({ lookup: byId(llmPrice?.id ?? "") });
    const { llmPriceChanges } = await pricing.listLLMPriceChanges({
      afterBookVersion: bookVersion - 1n,
    });
    expect(llmPriceChanges.map((each) => keyText(each.key))).to.deep.equal([
      "completion/openai/o3* (account ü€ 😀)",
    ]);
  });

  it("are listed for everyone unless the request asks for others", async () => {
    const list = async (filter: object) => {
      const { llmPrices } = await service.pricing.listLLMPrices({ ...filter, pageSize: 1000 });
      return llmPrices.map(toKeyText);
    };
    const everyones = ["*/*/*", "*/openai/*", "*/openai/gpt-5*", "tool/openai/*"];
    const [gold, acme] = ["*/openai/* (price list gold)", "*/openai/gpt-5 (account acme)"];
    expect(await list({})).to.deep.equal(everyones);
    expect(await list({ chargeType: "tool" })).to.deep.equal(["tool/openai/*"]);
    expect(await list({ chargeType: "*", provider: "*" })).to.deep.equal(["*/*/*"]);
    expect(await list({ accountId: "acme" })).to.deep.equal([acme]);
    expect(await list({ priceList: "gold" })).to.deep.equal([gold]);
    expect(await list({ audience: PriceAudience.ACCOUNTS })).to.deep.equal([acme]);
    expect(await list({ audience: PriceAudience.PRICE_LISTS })).to.deep.equal([gold]);
    expect(await list({ audience: PriceAudience.ALL })).to.deep.equal([...everyones, gold, acme]);
    const paged: string[] = [];
    for (let pageToken = "", pages = 0; pageToken !== "" || pages === 0; pages += 1) {
      const request = { audience: PriceAudience.ALL, pageSize: 1, pageToken };
      const { llmPrices, nextPageToken } = await service.pricing.listLLMPrices(request);
      paged.push(...llmPrices.map(toKeyText));
      pageToken = nextPageToken;
    }
    expect(paged).to.deep.equal([...everyones, gold, acme]);
  });

  it("reject what no key can be, and name the field", async () => {
    const { pricing, catalog } = service;
    const descriptionsOf = async (parts: Partial<TestKey>) =>
      (await errorOf(pricing.createLLMPrice({ ...select(parts), price: "1" }))).descriptions.join(
        "; ",
      );
    expect(await descriptionsOf({ model: "gpt-5*" })).to.equal(
      'is "gpt-5*"; allowed: *, because the provider is *',
    );
    expect(await descriptionsOf({ accountId: "a", priceList: "b" })).to.equal(
      'is "b", and account_id is given too; allowed: one of them',
    );
    expect(await descriptionsOf({ accountId: " a" })).to.contain("no space at either end");
    expect(await descriptionsOf({ priceList: "Gold" })).to.contain("[a-z0-9]");
    expect(await descriptionsOf({ provider: "open*" })).to.contain(", or *");
    const line = lineOf({ ...openai, model: "gpt-5*" });
    expect((await errorOf(pricing.calculateCharge(line))).descriptions).to.deep.equal([
      'is "gpt-5*"; allowed: a name, which has no * at its end',
    ]);
    const all = lineOf({ chargeType: "*", provider: "*", model: "*" });
    expect((await errorOf(pricing.calculateCharge(all))).fields).to.deep.equal([
      ...["charge_type", "provider", "model"],
    ]);
    const model = { provider: "openai", name: "gpt-5*" };
    expect((await errorOf(catalog.createModel(model))).fields).to.deep.equal(["name"]);
    const both = pricing.listLLMPrices({ accountId: "a", audience: PriceAudience.ALL });
    expect((await errorOf(both)).fields).to.deep.equal(["audience"]);
  });

  it("need registered names only where they have names", async () => {
    const create = (parts: Partial<TestKey>) =>
      errorOf(service.pricing.createLLMPrice({ ...select(parts), price: "1" }));
    expect((await create({ provider: "nobody" })).reason).to.equal("PROVIDER_NOT_FOUND");
    expect((await create({ provider: "openai", chargeType: "nothing" })).reason).to.equal(
      "CHARGE_TYPE_NOT_FOUND",
    );
    expect((await create({ provider: "openai", model: "gpt-6" })).reason).to.equal(
      "MODEL_NOT_FOUND",
    );
  });

  it("keep the names that they have in the catalog", async () => {
    const { catalog, pricing } = service;
    await registerNames(service, { provider: "kept", model: "m" });
    await pricing.createLLMPrice({ ...select({ provider: "kept", model: "m*" }), price: "1" });
    await catalog.deleteModel({ provider: "kept", name: "m" });
    expect((await errorOf(catalog.deleteProvider({ name: "kept" }))).reason).to.equal(
      "STILL_REFERENCED",
    );
    await pricing.deleteLLMPrice({ lookup: byKey(select({ provider: "kept", model: "m*" })) });
  });
});

describe("A price that ends, or is free", () => {
  let service: TestService;
  before(async () => {
    service = await startTestService();
    await registerNames(service, { provider: "openai", model: "gpt-5" });
  });
  after(() => service.stop());
  const request = { chargeType: "tool", provider: "openai", model: "gpt-5" };
  const markup = async (line: TestLine = {}) =>
    (await service.pricing.calculateCharge(lineOf(request, line))).markup;

  it("gives way to the next one from then on, and in the version before does not", async () => {
    const { pricing } = service;
    const since = at("2026-01-01");
    const keys = [select({}), select({ provider: "openai" }), request];
    for (const [i, key] of keys.entries())
      await pricing.createLLMPrice({
        ...key,
        price: `1.${i + 1}`,
        effectiveFrom: since,
        reason: `r${i}`,
      });
    expect(await markup()).to.equal("1.3");
    const before = await pricing.calculateCharge(lineOf(request));
    await pricing.deleteLLMPrice({ lookup: byKey(request), reason: "over" });
    expect(await markup()).to.equal("1.2");
    const bookVersion = before.appliedPrice?.bookVersion as bigint;
    expect(await markup({ bookVersion, asOf: before.asOf })).to.equal("1.3");
    const { candidates } = await pricing.explainLLMPrice(request);
    expect(
      candidates.map(({ state, reason, llmPrice }) => [
        CandidateState[state],
        reason,
        llmPrice?.price,
      ]),
    ).to.deep.equal([
      ["ENDED", "over", "1.3"],
      ["APPLIED", "r1", "1.2"],
      ["SHADOWED", "r0", "1.1"],
    ]);
    const earlier = await pricing.explainLLMPrice({ ...request, asOf: at("2025-06-01") });
    expect(earlier.applied).to.equal(undefined);
    expect(earlier.markup).to.equal("");
    expect(earlier.candidates.map(({ state }) => CandidateState[state])).to.deep.equal([
      ...["NOT_YET", "NOT_YET", "NOT_YET"],
    ]);
    const then = await pricing.explainLLMPrice({
      ...request,
      bookVersion,
      ...(before.asOf && { asOf: before.asOf }),
    });
    expect(then.applied).to.deep.equal(before.appliedPrice);
  });

  it("applies while it is 0, and the charge is free", async () => {
    const { pricing } = service;
    const key = select({ accountId: "trial", provider: "openai", model: "gpt*" });
    await pricing.createLLMPrice({ ...key, price: "0" });
    const { accountCharge } = await pricing.calculateCharge(
      lineOf(request, { accountId: "trial" }),
    );
    expect(accountCharge).to.equal("0");
  });

  it("that nobody wrote is NOT_FOUND, and explains nothing", async () => {
    const other = await startTestService();
    try {
      const error = await errorOf(other.pricing.calculateCharge(lineOf(request)));
      expect(error).to.include({ code: Code.NotFound, reason: "PRICE_NOT_FOUND" });
      const { candidates, applied } = await other.pricing.explainLLMPrice(request);
      expect([candidates, applied]).to.deep.equal([[], undefined]);
    } finally {
      await other.stop();
    }
  });

  it("suggests keys for everyone and of the same account, never of others", async () => {
    const other = await startTestService();
    try {
      await registerNames(other, { provider: "openai", model: "gpt-5" });
      const create = (parts: Partial<TestKey>) =>
        other.pricing.createLLMPrice({ ...select({ chargeType: "tool", ...parts }), price: "1" });
      await create({ provider: "openai", model: "gpt-5" });
      await create({ accountId: "acme", provider: "openai", model: "gpt-5-m*" });
      await create({ accountId: "other", provider: "openai", model: "gpt-5-n*" });
      const failed = await other.pricing
        .calculateCharge(lineOf({ ...request, model: "gpt-6" }, { accountId: "acme" }))
        .catch((error: unknown) => ConnectError.from(error));
      const [details] = (failed as ConnectError).findDetails(LLMPriceSuggestionsSchema);
      expect(details?.nearestKeys.map(toKeyText)).to.have.members([
        "tool/openai/gpt-5",
        "tool/openai/gpt-5-m* (account acme)",
      ]);
    } finally {
      await other.stop();
    }
  });
});

describe("ExplainLLMPrice", () => {
  it("always names the price that CalculateCharge uses, at any time and version", async () => {
    const service = await startTestService();
    try {
      await registerNames(service, { provider: "openai", model: "gpt-5" });
      const keys = [
        ...[{}, { accountId: "acme" }, { priceList: "gold" }].flatMap((audience) =>
          ["*", "gpt-5", "gpt-5*", "gpt*"].flatMap((model) =>
            ["*", "tool"].map((chargeType) => ({
              ...audience,
              chargeType,
              provider: "openai",
              model,
            })),
          ),
        ),
        select({}),
      ];
      const day = 86_400_000;
      const start = Date.now() + day;
      const { pricing } = service;
      let newest = 0n;
      const random = fc.sample(fc.tuple(fc.nat(keys.length - 1), fc.nat(9), fc.nat(3)), {
        numRuns: 60,
        seed: 7,
      });
      for (const [i, from, action] of random) {
        const key = keys[i] as TestKey;
        const effectiveFrom = timestampFromMs(start + from * day);
        const written =
          action === 0
            ? pricing.deleteLLMPrice({ lookup: byKey(key), effectiveFrom })
            : importRows(service, [{ ...key, price: `1.${from}${action}`, effectiveFrom }]);
        const { bookVersion } = await written.catch(() => ({ bookVersion: newest }));
        newest = bookVersion;
      }
      const asked = fc.sample(
        fc.tuple(
          fc.constantFrom("", "acme", "other"),
          fc.constantFrom("", "gold"),
          fc.constantFrom("gpt-5", "gpt-4", "o3", "gpt-5-mini"),
          fc.constantFrom("tool", "completion"),
          fc.nat(10),
          fc.bigInt({ min: 1n, max: newest }),
        ),
        { numRuns: 150, seed: 11 },
      );
      let applied = 0;
      for (const [accountId, priceList, model, chargeType, time, bookVersion] of asked) {
        const request = {
          ...{ accountId, priceList, model, chargeType, provider: "openai", bookVersion },
          asOf: timestampFromMs(start + time * day + 1),
        };
        const explained = await pricing.explainLLMPrice(request);
        const charge = await pricing
          .calculateCharge({ ...lineOf(request), ...request })
          .catch(() => undefined);
        expect(explained.applied).to.deep.equal(charge?.appliedPrice);
        expect(explained.markup).to.equal(charge?.markup ?? "");
        const first = explained.candidates.find(({ state }) => state === CandidateState.APPLIED);
        expect(first?.llmPrice?.id).to.equal(charge?.appliedPrice?.llmPriceId);
        expect(first?.llmPrice?.price).to.equal(charge?.markup);
        if (charge !== undefined) applied += 1;
      }
      expect(applied).to.be.above(50);
    } finally {
      await service.stop();
    }
  });
});

describe("An import of prices for accounts and price lists", () => {
  let service: TestService;
  beforeEach(async () => {
    service = await startTestService();
    await importRows(service, [...rows], { registerMissing: true });
  });
  afterEach(() => service.stop());
  const row = (parts: Partial<TestKey>, price: string) => ({ ...select(parts), price });
  const rows = [
    row({ provider: "openai", model: "gpt-5" }, "1.2"),
    row({ provider: "openai", model: "gpt*" }, "1.3"),
    row({ accountId: "acme", provider: "openai" }, "1.1"),
    row({ accountId: "other", provider: "openai" }, "1.15"),
    row({ priceList: "gold", provider: "openai" }, "1.05"),
  ];
  const missing = { missingPrices: MissingPrices.END };
  const preview = async (list: readonly TestRow[], terms: TestTerms) =>
    countsOf(await importRows(service, list, { ...missing, validateOnly: true, ...terms }));

  it("changes nothing when it is repeated", async () => {
    expect(countsOf(await importRows(service, rows))).to.equal("5 unchanged");
  });

  it("ends prices without a row only for audiences that have a row", async () => {
    expect(await preview(rows.slice(0, 1), {})).to.equal("1 unchanged, 1 ended");
    expect(await preview(rows.slice(2, 3), {})).to.equal("1 unchanged");
    expect(await preview(rows.slice(1, 3), {})).to.equal("2 unchanged, 1 ended");
    const all = { scope: { audience: PriceAudience.ALL } };
    expect(await preview(rows.slice(0, 1), all)).to.equal("1 unchanged, 4 ended");
    const accounts = { scope: { audience: PriceAudience.ACCOUNTS } };
    expect(await preview(rows.slice(2, 3), accounts)).to.equal("1 unchanged, 1 ended");
    expect(
      await preview([row({ accountId: "acme" }, "1")], { scope: { accountId: "acme" } }),
    ).to.equal("1 created, 1 ended");
  });

  it("rejects a row outside of its scope", async () => {
    const scope = { accountId: "acme" };
    const error = await errorOf(importRows(service, rows.slice(2, 5), { scope }));
    expect(error.fields).to.deep.equal(["rows[1].account_id", "rows[2].price_list"]);
    expect(error.descriptions[0]).to.equal(
      'is "other", outside the scope of the import: only prices for account_id "acme"',
    );
  });

  it("rejects rows of one key, and not those of others", async () => {
    const [first, , acme] = rows as [object, object, object];
    const error = await errorOf(importRows(service, [first, acme, { ...acme, price: "9" }]));
    expect(error.fields).to.deep.equal(["rows[2]"]);
  });

  it("warns of patterns that match no registered model, and of prices that never apply", async () => {
    const { warnings } = await importRows(
      service,
      [
        row({ provider: "openai", model: "gtp-5*" }, "1.2"),
        row({ provider: "openai", model: "gpt-5", chargeType: "tool" }, "1.2"),
        row({ provider: "openai", model: "gpt-5", chargeType: "plugin" }, "1.2"),
        row({ provider: "openai", model: "gpt-5", chargeType: "completion" }, "1.2"),
        row({ provider: "openai", model: "gpt-5" }, "1.25"),
        row({ provider: "openai", model: "gpt-*" }, "1.4"),
        row({ accountId: "new", provider: "openai", model: "gpt-5*" }, "1.4"),
      ],
      { validateOnly: true },
    );
    expect(warnings.map((each) => [Number(each.row), each.description])).to.deep.equal([
      [0, 'model is "gtp-5*", which matches no registered model of openai'],
      [
        4,
        "never applies: more specific prices exist for all that it matches, which is 1 registered model, for every charge type",
      ],
      [
        5,
        "never applies: more specific prices exist for all that it matches, which is 1 registered model, for every charge type",
      ],
    ]);
  });
});
