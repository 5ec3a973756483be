import { randomUUID } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { Code } from "@connectrpc/connect";
import { expect } from "chai";
import {
  MissingRateCards,
  RateCardImportChangeKind,
} from "../../../src/gen/llmprices/v1/rate_card_import_pb.js";
import { Weekday } from "../../../src/gen/llmprices/v1/rate_card_pb.js";
import { at, freshKey, textOf } from "../../support/prices.js";
import {
  cardCountsOf,
  freshRateCard,
  importCards,
  quantities,
  rate,
  type TestCardRow,
} from "../../support/rate-cards.js";
import { errorOf } from "../../support/received-errors.js";
import { startTestService, type TestService } from "../../support/service.js";

const million = quantities({ INPUT: 1_000_000 });
const usd = { currencyCode: "USD", source: "a list" };

type Key = { readonly provider: string; readonly model: string };

describe("ImportRateCards", () => {
  let service: TestService;
  before(async () => {
    service = await startTestService();
  });
  after(() => service.stop());

  const rowOf = (key: Key, input: string, rest: TestCardRow = {}): TestCardRow => ({
    ...{ ...key, ...usd, rates: [rate("INPUT", input)], ...rest },
  });
  const endOf = (key: Key, rest: TestCardRow = {}): TestCardRow => ({
    ...key,
    ends: true,
    ...rest,
  });
  const registered = async (count: number) => {
    const keys = [];
    for (let i = 0; i < count; i += 1) {
      const { provider, model } = await freshKey(service);
      keys.push({ provider, model });
    }
    return keys as [Key, Key, Key, Key];
  };
  const costOf = async (key: Key, bookVersion: bigint, time?: string) => {
    const asOf = time === undefined ? {} : { asOf: at(time) };
    const request = { ...key, usage: million, minBookVersion: bookVersion, ...asOf };
    return (await service.rates.rateUsage(request)).providerCost;
  };
  const revisionsOf = async (key: Key) => {
    const lookup = { case: "key", value: key } as const;
    const { rateCardRevisions } = await service.rates.listRateCardRevisions({ lookup });
    return rateCardRevisions.map(({ rates, effectiveFrom }) => [
      rates[0]?.rate ?? "ends",
      textOf(effectiveFrom),
    ]);
  };

  it("creates, changes and keeps rate cards at one version of the price book", async () => {
    const [created] = await registered(1);
    const changed = await freshRateCard(service, [rate("INPUT", "1")]);
    const kept = await freshRateCard(service, [rate("INPUT", "2")]);
    const rows = [
      rowOf(created, "3"),
      rowOf(changed.key, "1.5"),
      rowOf(kept.key, "2.0", { source: "a test" }),
    ];
    const response = await importCards(service, rows, { maxChanges: 10 }, { size: 2 });
    expect(cardCountsOf(response)).to.deep.equal({
      ...{ rowCount: 3n, createdCount: 1n, updatedCount: 1n, unchangedCount: 1n },
    });
    expect(response.bookVersion).to.equal(kept.bookVersion + 1n);
    expect(await costOf(created, response.bookVersion)).to.equal("3");
    expect(await costOf(changed.key, response.bookVersion)).to.equal("1.5");
    const [first, second] = response.changes;
    expect(response.changes).to.have.length(2);
    expect(first).to.deep.include({ kind: RateCardImportChangeKind.CREATED, row: 0n });
    expect(first?.before).to.equal(undefined);
    expect(second?.before?.rates[0]?.rate).to.equal("1");
    expect(second?.after).to.include(usd);
    expect(second?.beforeChangedBy).to.equal("anonymous");
  });

  it("changes nothing when the same rows come again, and raises no version", async () => {
    const [key] = await registered(1);
    const hours = [{ weekdays: [Weekday.SUNDAY], start: "00:00", end: "08:30" }];
    const conditions = { per: 1000, serviceTier: "flex", region: "eu", inputAbove: 200_000n };
    const rates = [
      rate("INPUT", "0.30"),
      rate("INPUT", "0.15", { ...conditions, hours }),
      rate("SECONDS", "0.111", { per: 3600 }),
    ];
    const row = { ...key, ...usd, rates };
    const { bookVersion } = await importCards(service, [row]);
    const again = await importCards(service, [row]);
    expect(cardCountsOf(again)).to.deep.equal({ rowCount: 1n, unchangedCount: 1n });
    expect(again.bookVersion).to.equal(bookVersion);
  });

  it("writes nothing with validate_only", async () => {
    const [key] = await registered(1);
    const terms = { validateOnly: true, maxChanges: 1 };
    const response = await importCards(service, [rowOf(key, "1")], terms);
    expect(cardCountsOf(response)).to.deep.equal({ rowCount: 1n, createdCount: 1n });
    expect(response.changes[0]?.after?.rates[0]?.rate).to.equal("1");
    const error = await errorOf(costOf(key, 0n));
    expect(error.reason).to.equal("RATE_CARD_NOT_FOUND");
  });

  it("schedules rates and ends, and says what follows a change", async () => {
    const [key] = await registered(1);
    const rows = [
      rowOf(key, "1"),
      rowOf(key, "2", { effectiveFrom: at("2090-01-01T00:00:00Z") }),
      endOf(key, { effectiveFrom: at("2091-01-01T00:00:00Z") }),
    ];
    const { changes, bookVersion } = await importCards(service, rows, { maxChanges: 10 });
    expect(changes.map(({ nextEffectiveFrom }) => textOf(nextEffectiveFrom))).to.deep.equal([
      ...["2090-01-01T00:00:00.000Z", "2091-01-01T00:00:00.000Z", undefined],
    ]);
    expect(await costOf(key, bookVersion, "2090-06-01T00:00:00Z")).to.equal("2");
    const error = await errorOf(costOf(key, bookVersion, "2091-01-01T00:00:00Z"));
    expect(error.reason).to.equal("RATE_CARD_NOT_FOUND");
  });

  it("ends what has no row with END, in its scope, and no more than max_end_percent", async () => {
    const key = { provider: `ended-${randomUUID()}`, model: "a" };
    const rows = [rowOf(key, "1"), rowOf({ ...key, model: "b" }, "1")];
    const { bookVersion } = await importCards(service, rows, { registerMissing: true });
    const missingRateCards = MissingRateCards.END;
    const scope = { provider: key.provider };
    const terms = { missingRateCards, scope, maxEndPercent: "49.9999", maxChanges: 5 };
    const error = await errorOf(importCards(service, [rowOf(key, "2")], terms));
    expect(error.reason).to.equal("IMPORT_GUARD");
    expect(error.message).to.contain("1 of 2 rate cards (50 %) would end");
    const dry = await importCards(service, [rowOf(key, "2")], { ...terms, validateOnly: true });
    expect(dry.guardViolations).to.have.length(1);
    const allowed = { ...terms, maxEndPercent: "50" };
    const response = await importCards(service, [rowOf(key, "2")], allowed);
    expect(cardCountsOf(response)).to.deep.equal({
      ...{ rowCount: 1n, updatedCount: 1n, endedCount: 1n, endedWithoutRowCount: 1n },
    });
    expect(response.changes[1]).to.deep.include({ kind: RateCardImportChangeKind.ENDED });
    expect(response.changes[1]?.row).to.equal(undefined);
    expect(response.bookVersion > bookVersion).to.equal(true);
  });

  it("takes back scheduled revisions without a row with REPLACE", async () => {
    const key = { provider: `replaced-${randomUUID()}`, model: "a" };
    const later = { effectiveFrom: at("2090-01-01T00:00:00Z") };
    const rows = [rowOf(key, "1"), rowOf(key, "2", later)];
    await importCards(service, rows, { registerMissing: true });
    const response = await importCards(service, [rowOf(key, "1")], {
      ...{ missingRateCards: MissingRateCards.REPLACE, scope: { provider: key.provider } },
    });
    expect(cardCountsOf(response)).to.deep.equal({
      ...{ rowCount: 1n, updatedCount: 1n, cancelledRevisionCount: 1n },
    });
    expect(await costOf(key, response.bookVersion, "2090-01-01T00:00:00Z")).to.equal("1");
  });

  it("names every bad row and field, and imports nothing", async () => {
    const [good, bad, other] = await registered(3);
    const rows = [
      rowOf(good, "1"),
      rowOf(bad, "-1"),
      { ...rowOf(other, "1"), ends: true },
      { ...rowOf(other, "1"), rates: [rate("INPUT", "1"), rate("INPUT", "2")] },
      rowOf({ ...other, model: "*" }, "1", { currencyCode: "" }),
    ];
    const error = await errorOf(importCards(service, rows));
    expect(error.code).to.equal(Code.InvalidArgument);
    expect(error.message).to.contain("4 of 5 rows are bad, nothing is imported");
    expect(error.fields).to.deep.equal([
      "rows[1].rates[0].rate",
      ...["rows[2].currency_code", "rows[2].source", "rows[2].rates"],
      "rows[3].rates[1]",
      ...["rows[4].model", "rows[4].currency_code"],
    ]);
    expect((await errorOf(costOf(good, 0n))).reason).to.equal("RATE_CARD_NOT_FOUND");
  });

  it("registers names only with register_missing, and lists them", async () => {
    const key = { provider: `new-${randomUUID()}`, model: "m-1" };
    const error = await errorOf(importCards(service, [rowOf(key, "1")]));
    expect(error.reason).to.equal("PROVIDER_NOT_FOUND");
    const rows = [rowOf(key, "1"), rowOf({ ...key, model: "m-*" }, "2")];
    const response = await importCards(service, rows, { registerMissing: true });
    expect(response.registeredNames).to.deep.include({ providers: [key.provider] });
    expect(response.registeredNames?.models.map(({ model }) => model)).to.deep.equal(["m-1"]);
    expect(await costOf({ ...key, model: "m-2" }, response.bookVersion)).to.equal("2");
  });

  it("warns of a new model that differs from another one by letter case only", async () => {
    const { key } = await freshRateCard(service, [rate("INPUT", "1")]);
    const upper = { ...key, model: key.model.toUpperCase() };
    const terms = { registerMissing: true, validateOnly: true };
    const { warnings, warningCount } = await importCards(service, [rowOf(upper, "1")], terms);
    expect(warningCount).to.equal(1n);
    expect(warnings[0]?.description).to.contain("only by letter case");
  });

  it("loads the past of a new key, and no other past of a known one", async () => {
    const [key] = await registered(1);
    const past = [
      rowOf(key, "3", { effectiveFrom: at("2025-01-01T00:00:00Z") }),
      rowOf(key, "2", { effectiveFrom: at("2026-01-01T00:00:00Z") }),
    ];
    const { bookVersion } = await importCards(service, past);
    expect(await costOf(key, bookVersion, "2025-06-01T00:00:00Z")).to.equal("3");
    expect(cardCountsOf(await importCards(service, past))).to.include({ unchangedCount: 1n });
    const other = rowOf(key, "4", { effectiveFrom: at("2025-06-01T00:00:00Z") });
    const error = await errorOf(importCards(service, [other]));
    expect(error.fields).to.deep.equal(["rows[0].effective_from"]);
    expect(error.message).to.contain("the rate card was another one then");
    const meant = { ...other, correctPast: true };
    expect((await errorOf(importCards(service, [meant]))).fields).to.deep.equal([
      "rows[0].correct_past",
    ]);
    const corrected = await importCards(service, [meant], { reason: "a wrong list" });
    expect(await costOf(key, corrected.bookVersion, "2025-07-01T00:00:00Z")).to.equal("4");
  });

  it("with ignore_past states only what is in effect now, for keys with history", async () => {
    const [known, unknown] = await registered(2);
    const start = at("2025-01-01T00:00:00Z");
    await importCards(service, [rowOf(known, "9", { effectiveFrom: start })]);
    const rowsOf = (key: Key) => [
      rowOf(key, "1", { effectiveFrom: at("2024-01-01T00:00:00Z") }),
      rowOf(key, "3", { effectiveFrom: at("2026-02-01T00:00:00Z") }),
      rowOf(key, "2", { effectiveFrom: at("2025-02-01T00:00:00Z") }),
      rowOf(key, "4", { effectiveFrom: at("2090-01-01T00:00:00Z") }),
    ];
    const rows = [...rowsOf(known), ...rowsOf(unknown)];
    const terms = { ignorePast: true, maxChanges: 20 };
    const response = await importCards(service, rows, terms);
    expect(cardCountsOf(response)).to.deep.equal({
      ...{ rowCount: 8n, createdCount: 1n, updatedCount: 1n, ignoredRowCount: 2n },
    });
    const [before, now, later] = await revisionsOf(known);
    expect([before, later]).to.deep.equal([
      ...[
        ["9", "2025-01-01T00:00:00.000Z"],
        ["4", "2090-01-01T00:00:00.000Z"],
      ],
    ]);
    expect(now?.[0]).to.equal("3");
    expect((await revisionsOf(unknown)).map(([input]) => input)).to.deep.equal([
      "1",
      "2",
      "3",
      "4",
    ]);
    const again = await importCards(service, rows, terms);
    expect(cardCountsOf(again)).to.deep.equal({
      ...{ rowCount: 8n, unchangedCount: 2n, ignoredRowCount: 4n },
    });
  });

  it("with ignore_past loses no row whose time comes while the import runs", async () => {
    const keys = Array.from({ length: 300 }, (_, i) => ({
      ...{ provider: "soon", model: `m-${i}` },
    }));
    const past = { effectiveFrom: at("2026-01-01T00:00:00Z") };
    const first = keys.map((key) => rowOf(key, "1", past));
    await importCards(service, first, { registerMissing: true });
    const start = Date.now();
    const rows = keys.flatMap((key, i) => [
      rowOf(key, "2", past),
      rowOf(key, "3", { effectiveFrom: timestampFromMs(start + i * 3) }),
    ]);
    const { bookVersion } = await importCards(service, rows, { ignorePast: true });
    const requests = keys.map((key) => ({ ...key, usage: million }));
    const asOf = at("2090-01-01T00:00:00Z");
    const request = { requests, asOf, minBookVersion: bookVersion };
    const { results } = await service.rates.batchRateUsage(request);
    const costs = results.map(({ result }) =>
      result.case === "rated" ? result.value.providerCost : "error",
    );
    expect(new Set(costs)).to.deep.equal(new Set(["3"]));
  });

  it("rejects a correction of the past together with ignore_past", async () => {
    const [key] = await registered(1);
    const row = rowOf(key, "1", { effectiveFrom: at("2025-01-01T00:00:00Z"), correctPast: true });
    const terms = { ignorePast: true, reason: "a wrong list" };
    const error = await errorOf(importCards(service, [row], terms));
    expect(error.fields).to.deep.equal(["rows[0].correct_past"]);
  });

  it("with REPLACE_ROWS says what is left of a revision that it takes back", async () => {
    const [key, other] = await registered(2);
    const later = { effectiveFrom: at("2090-01-01T00:00:00Z") };
    await importCards(service, [rowOf(key, "1"), rowOf(key, "2", later), rowOf(other, "1")]);
    const missingRateCards = MissingRateCards.REPLACE_ROWS;
    const terms = { missingRateCards, maxChanges: 9, validateOnly: true };
    const steps = async (row: TestCardRow) =>
      (await importCards(service, [row], terms)).changes.map(({ before, after }) => [
        before?.rates[0]?.rate,
        after?.rates[0]?.rate,
      ]);
    expect(await steps(rowOf(key, "5"))).to.deep.equal([
      ...[
        ["1", "5"],
        ["2", "5"],
      ],
    ]);
    expect(await steps(endOf(key))).to.deep.equal([
      ...[
        ["1", undefined],
        ["2", undefined],
      ],
    ]);
    expect(await steps(rowOf(key, "1"))).to.deep.equal([["2", "1"]]);
  });

  it("of several clients that wait after their terms do not wait for each other", async () => {
    const provider = `several-${randomUUID()}`;
    const terms = { registerMissing: true };
    const imports = Array.from({ length: 6 }, async (_, i) => {
      const { counts } = await service.rates.importRateCards(
        (async function* () {
          yield { terms };
          await wait(100);
          yield { rows: [rowOf({ provider, model: `m-${i}` }, "1")] };
        })(),
        { timeoutMs: 15_000 },
      );
      return counts?.createdCount;
    });
    expect(await Promise.all(imports)).to.deep.equal([1n, 1n, 1n, 1n, 1n, 1n]);
  });

  it("returns the saved response when it is repeated with its request_id", async () => {
    const [key] = await registered(1);
    const terms = { requestId: randomUUID() };
    const first = await importCards(service, [rowOf(key, "1")], terms);
    await importCards(service, [rowOf(key, "2")]);
    expect(await importCards(service, [rowOf(key, "1")], terms)).to.deep.equal(first);
    const reused = await errorOf(importCards(service, [rowOf(key, "3")], terms));
    expect(reused.reason).to.equal("REQUEST_ID_REUSED");
  });

  it("is ABORTED when a key was changed after base_book_version", async () => {
    const { key, bookVersion } = await freshRateCard(service, [rate("INPUT", "1")]);
    await importCards(service, [rowOf(key, "2")]);
    const terms = { baseBookVersion: bookVersion };
    const error = await errorOf(importCards(service, [rowOf(key, "3")], terms));
    expect(error.reason).to.equal("BOOK_CHANGED");
    expect(error.message).to.contain(`${key.provider}/${key.model}`);
  });

  it("lists as many changes as a client can receive", async () => {
    const provider = `many-${randomUUID()}`;
    const rates = Array.from({ length: 400 }, (_, i) =>
      rate("INPUT", `1.${i}`, {
        serviceTier: `tier-with-a-long-name-of-sixty-three-characters-${i}`,
      }),
    );
    const rows = Array.from({ length: 45 }, (_, i) => ({
      ...{ provider, model: `m-${i}`, ...usd, rates },
    }));
    const terms = { registerMissing: true, maxChanges: 1000 };
    const response = await importCards(service, rows, terms, { size: 50 });
    expect(response.counts?.createdCount).to.equal(45n);
    expect(response.changes).to.have.length.within(20, 44);
  });
});
