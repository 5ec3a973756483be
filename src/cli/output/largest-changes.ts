import { Decimal, toPlainText } from "../../domain/decimal.js";
import type { RepriceGroup, RepriceSums } from "../../gen/llmprices/v1/reprice_pb.js";
import { createTable } from "./print.js";

/** Adds up the charges of each name and currency, and finds the names with the largest changes. */
export class LargestChanges {
  readonly #byName = new Map<string, Change>();

  add(name: string, { sums }: RepriceGroup): void {
    if (sums === undefined) return;
    const { currencyCode } = sums;
    const id = `${name}\n${currencyCode}`;
    const known = this.#byName.get(id);
    this.#byName.set(id, {
      ...{ name, currencyCode },
      book: new Decimal(sums.bookCharge).plus(known?.book ?? 0),
      difference: new Decimal(sums.difference).plus(known?.difference ?? 0),
    });
  }

  /** Returns a table of the names whose charges change the most, `count` for each currency. */
  toLines(nameColumn: string, count: number): string[] {
    const changed = [...this.#byName.values()].filter(({ difference }) => !difference.isZero());
    const currencies = [...new Set(changed.map(({ currencyCode }) => currencyCode))];
    const rows = currencies.flatMap((code) =>
      changed
        .filter(({ currencyCode }) => currencyCode === code)
        .sort((a, b) => b.difference.abs().comparedTo(a.difference.abs()))
        .slice(0, count)
        .map(toCells),
    );
    if (rows.length === 0) return [];
    return createTable([nameColumn, ...chargeNames])(rows);
  }
}

type Change = {
  readonly name: string;
  readonly currencyCode: string;
  readonly book: Decimal;
  readonly difference: Decimal;
};

function toCells({ name, currencyCode, book, difference }: Change): string[] {
  return [
    ...[name, currencyCode, toPlainText(book), toPlainText(book.plus(difference))],
    ...[toPlainText(difference), toPercentText(book, difference)],
  ];
}

/** The columns of charges at the price book and at the draft. */
export const chargeNames = ["currency", "book", "draft", "difference", "change"] as const;

/** Formats the values of those columns. */
export function toChargeCells(sums: RepriceSums): string[] {
  const { currencyCode, bookCharge, draftCharge, difference } = sums;
  const percent = toPercentText(new Decimal(bookCharge), new Decimal(difference));
  return [currencyCode, bookCharge, draftCharge, difference, percent];
}

/** Formats a difference in percent with its sign. Empty: there is no such percentage. */
export function toPercentText(book: Decimal, difference: Decimal): string {
  if (difference.isZero()) return "0 %";
  if (book.isZero()) return "";
  const percent = difference.times(100).div(book.abs()).toDecimalPlaces(2, Decimal.ROUND_HALF_UP);
  return `${percent.gt(0) ? "+" : ""}${toPlainText(percent)} %`;
}

/** Whether a difference is more than this percentage of the charges, up or down. */
export function isAbove({ bookCharge, difference }: RepriceSums, percent: string): boolean {
  return new Decimal(difference).abs().times(100).gt(new Decimal(bookCharge).abs().times(percent));
}
