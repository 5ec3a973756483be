import { type Timestamp, timestampFromMs } from "@bufbuild/protobuf/wkt";
import { expect } from "chai";
import fc from "fast-check";
import { Decimal } from "../../../src/domain/decimal.js";
import { MissingPrices } from "../../../src/gen/llmprices/v1/llm_price_import_pb.js";
import { RepriceGroupBy } from "../../../src/gen/llmprices/v1/reprice_pb.js";
import { importRows, type TestRow } from "../../support/imports.js";
import { samples } from "../../support/properties.js";
import { type Repriced, reprice, type TestLine } from "../../support/repricing.js";
import { startTestService, type TestService } from "../../support/service.js";

/*
 * A draft that is imported gives what was announced: for random price books and drafts, with accounts, price
 * lists, patterns, ends and corrections of the past, the announced sums are those of BatchCalculateCharges
 * before and after the import.
 */
describe("A draft that is imported", function () {
  this.timeout(120_000);
  let service: TestService;
  before(async () => {
    service = await startTestService();
  });
  after(() => service.stop());

  it("gives the charges that were announced, to the last digit", async () => {
    let changed = 0n;
    let errors = 0n;
    const property = fc.asyncProperty(cases, async (each) => {
      await importRows(service, each.book, { registerMissing: true, reason: "the book" });
      const terms = { registerMissing: true, reason: "the draft", missingPrices: each.missing };
      const draft = { terms, rows: each.draft };
      const announced = await reprice(service, draft, each.lines, RepriceGroupBy.ACCOUNT_AND_KEY);
      const { asOf, bookVersion } = announced.totals;
      const before = await chargesOf(each.lines, { asOf, bookVersion });
      await importRows(service, each.draft, terms);
      const after = await chargesOf(each.lines, {});
      expect(announcedOf(announced)).to.deep.equal(expectedOf(each.lines, before, after));
      changed += announced.totals.changedLineCount;
      errors += announced.totals.newlyPricedCount + announced.totals.noLongerPricedCount;
    });
    await fc.assert(property, { numRuns: samples(30) });
    // The cases are about something.
    expect(changed > 50n && errors > 10n, `${changed} changed, ${errors} errors`).to.equal(true);
  });

  type Priced = { readonly charge: string; readonly currencyCode: string } | undefined;

  const chargesOf = async (
    requests: readonly TestLine[],
    at: { readonly asOf?: Timestamp | undefined; readonly bookVersion?: bigint },
  ): Promise<Priced[]> => {
    const batch = { requests: [...requests], ...(at as object) };
    const { results } = await service.pricing.batchCalculateCharges(batch);
    return results.map(({ result }) => {
      if (result.case !== "charge") return undefined;
      return { charge: result.value.accountCharge, currencyCode: result.value.currencyCode };
    });
  };

  const expectedOf = (lines: readonly TestLine[], before: Priced[], after: Priced[]) => {
    const sums = new Map<string, { book: Decimal; draft: Decimal; lines: bigint }>();
    const counts = { newly: 0n, noLonger: 0n, errors: 0n };
    for (const [index, line] of lines.entries()) {
      const [book, draft] = [before[index], after[index]];
      if (book === undefined || draft === undefined) {
        counts.errors += 1n;
        if (draft !== undefined) counts.newly += 1n;
        if (book !== undefined) counts.noLonger += 1n;
        continue;
      }
      const { accountId, chargeType, provider, model } = line;
      for (const name of [
        `${accountId}/${chargeType}/${provider}/${model} ${book.currencyCode}`,
        `total ${book.currencyCode}`,
      ]) {
        const known = sums.get(name) ?? { book: zero, draft: zero, lines: 0n };
        sums.set(name, {
          book: known.book.plus(book.charge),
          draft: known.draft.plus(draft.charge),
          lines: known.lines + 1n,
        });
      }
    }
    const texts = [...sums].map(([name, { book, draft, lines: count }]) =>
      [name, book.toFixed(), draft.toFixed(), draft.minus(book).toFixed(), count].join(" "),
    );
    return { sums: texts.sort(), ...counts };
  };

  const announcedOf = ({ groups, totals }: Repriced) => ({
    sums: [
      ...groups.map(({ sums, accountId, chargeType, provider, model }) =>
        toText(`${accountId}/${chargeType}/${provider}/${model}`, sums),
      ),
      ...totals.sums.map((sums) => toText("total", sums)),
    ].sort(),
    newly: totals.newlyPricedCount,
    noLonger: totals.noLongerPricedCount,
    errors: totals.errorCount,
  });

  const toText = (name: string, sums: Repriced["groups"][number]["sums"]) =>
    [
      `${name} ${sums?.currencyCode}`,
      ...[sums?.bookCharge, sums?.draftCharge, sums?.difference, sums?.lineCount],
    ].join(" ");
});

const zero = new Decimal(0);

// Few names, so that the rows, the patterns and the lines meet.
const providers = ["acme", "bolt"];
const models = ["alpha", "alpha-mini", "beta"];
const audience = fc.constantFrom(
  {},
  {},
  { accountId: "a" },
  { accountId: "b" },
  { priceList: "l" },
);
const key = fc
  .tuple(
    audience,
    fc.constantFrom("completion", "tool", "*"),
    fc.constantFrom(...providers, "*"),
    fc.constantFrom(...models, "alpha*", "al*", "*"),
  )
  .map(([who, chargeType, provider, model]) => ({
    ...who,
    ...{ chargeType, provider, model: provider === "*" ? "*" : model },
  }));

const day = (text: string) => Date.parse(text);
const times = ["2025-01-01", "2025-07-01", "2126-01-01", "2126-06-01"].map(day);
const price = fc.integer({ min: 0, max: 30_000 }).map((units) => String(units / 10_000));

const row = fc.tuple(key, fc.option(fc.constantFrom(...times)), fc.option(price, { freq: 5 })).map(
  ([names, time, text]): TestRow => ({
    ...names,
    ...(text === null ? { ends: true } : { price: text }),
    ...(time !== null && { effectiveFrom: timestampFromMs(time), correctPast: true }),
  }),
);

/** A key has one row for each time. */
const rows = fc.uniqueArray(row, {
  ...{ minLength: 1, maxLength: 25, size: "max" },
  selector: ({ price: _price, ends: _ends, effectiveFrom, ...names }) =>
    JSON.stringify([names.accountId, names.priceList, names.chargeType, names.provider]) +
    `${names.model} ${effectiveFrom?.seconds}`,
});

const line = fc
  .record({
    accountId: fc.constantFrom("", "a", "b", "c"),
    priceList: fc.constantFrom("", "l"),
    chargeType: fc.constantFrom("completion", "tool"),
    provider: fc.constantFrom(...providers),
    model: fc.constantFrom(...models),
    providerCost: fc.integer({ min: -1_000_000, max: 10_000_000 }).map((n) => String(n / 1000)),
    usage: fc.integer({ min: 0, max: 7 }),
    currencyCode: fc.constantFrom("USD", "USD", "JPY"),
    isRounded: fc.boolean(),
    time: fc.option(fc.constantFrom(...times, day("2025-03-01"), day("2126-03-01"))),
  })
  .map(({ usage, isRounded, time, ...rest }): TestLine => {
    const fraction = { usage: String(usage), totalUsage: "7" };
    return {
      ...rest,
      usageRatio: { case: "accountUsage", value: fraction },
      ...(isRounded && { rounding: {} }),
      ...(time !== null && { asOf: timestampFromMs(time) }),
    };
  });

const cases = fc.record({
  book: rows,
  draft: rows,
  lines: fc.array(line, { minLength: 10, maxLength: 40 }),
  missing: fc.constantFrom(MissingPrices.KEEP, MissingPrices.END, MissingPrices.REPLACE),
});
