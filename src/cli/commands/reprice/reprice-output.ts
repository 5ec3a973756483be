import type { RepriceChargesResponse } from "../../../gen/llmprices/v1/pricing_service_pb.js";
import {
  type RepriceGroup,
  type RepriceLineError,
  RepriceSide,
  type RepriceTotals,
} from "../../../gen/llmprices/v1/reprice_pb.js";
import type { FileFormat } from "../../files/format.js";
import { describeProblems } from "../../files/record.js";
import { createWriter } from "../../files/write-records.js";
import { chargeNames, LargestChanges, toChargeCells } from "../../output/largest-changes.js";
import { createTable } from "../../output/print.js";
import { formatCount } from "../../output/progress.js";
import { toTimeText } from "../../output/times.js";
import type { SentRows } from "../../rows/sent-rows.js";

/** What lines of a group have in common. */
export type GroupName = "account" | "key" | "account-and-key";

/** Collects the messages of a response for its report. */
export class RepriceOutput {
  readonly #groupBy: GroupName;
  readonly #toText: ((rows: readonly Record<string, string>[]) => string) | undefined;
  readonly #largest = new LargestChanges();
  readonly #errors: RepriceLineError[] = [];
  /** The groups as the text of a file, if a format was given. */
  readonly texts: string[] = [];

  constructor(groupBy: GroupName, format: FileFormat | undefined) {
    this.#groupBy = groupBy;
    this.#toText = format && createWriter(format, columnsOf(groupBy));
  }

  add({ groups, lineErrors }: RepriceChargesResponse): void {
    this.#errors.push(...lineErrors);
    if (groups.length === 0) return;
    if (this.#toText) this.texts.push(this.#toText(groups.map((each) => this.#toFields(each))));
    else for (const group of groups) this.#largest.add(nameOf(group, this.#groupBy), group);
  }

  /** Returns the totals and the names with the largest changes, as tables. */
  toTableLines(totals: RepriceTotals): string[] {
    const isByKey = this.#groupBy === "key";
    const largest = this.#largest.toLines(isByKey ? "key" : "account_id", mostNames);
    const title = `the ${isByKey ? "keys" : "accounts"} with the largest change, at most ${mostNames} of a currency:`;
    return [...toTotalsLines(totals), ...(largest.length === 0 ? [] : ["", title, ...largest])];
  }

  /** Returns what is wrong with lines, by their place in the file. */
  toErrorLines(totals: RepriceTotals, file: string, sentRows: SentRows<object>): string[] {
    if (totals.errorCount === 0n) return [];
    const shown = this.#errors.slice(0, mostNames).map(({ line, side, error }) => {
      const row = Number(line);
      const own = sentRows.problems.get(row);
      const problem = own ? describeProblems(own) : `${sides[side]}${error?.message}`;
      return `${file}:${sentRows.lineOf(row)}: ${problem}`;
    });
    const { newlyPricedCount, noLongerPricedCount, errorCount } = totals;
    return [
      `lines in no sum: ${formatCount(errorCount)}, with a price at the draft only: ` +
        `${formatCount(newlyPricedCount)}, that lose their price: ${formatCount(noLongerPricedCount)}`,
      ...shown,
    ];
  }

  #toFields({ accountId, chargeType, provider, model, sums }: RepriceGroup) {
    const by = this.#groupBy;
    return {
      ...(by !== "key" && { account_id: accountId }),
      ...(by !== "account" && { charge_type: chargeType, provider, model }),
      currency_code: sums?.currencyCode ?? "",
      book_charge: sums?.bookCharge ?? "",
      draft_charge: sums?.draftCharge ?? "",
      difference: sums?.difference ?? "",
      line_count: String(sums?.lineCount),
      changed_line_count: String(sums?.changedLineCount),
    };
  }
}

/** Returns the totals as a table, and what was compared. */
export function toTotalsLines(totals: RepriceTotals): string[] {
  const { sums, lineCount, changedLineCount, changedPriceCount, asOf, bookVersion } = totals;
  return [
    ...(sums.length === 0 ? [] : createTable(chargeNames)(sums.map(toChargeCells))),
    `lines: ${formatCount(lineCount)}, at another price row: ${formatCount(changedLineCount)}, prices ` +
      `that the draft changes: ${formatCount(changedPriceCount)}, as of ${toTimeText(asOf)}, book ` +
      `version ${bookVersion}`,
  ];
}

function columnsOf(groupBy: GroupName): string[] {
  return [
    ...(groupBy === "key" ? [] : ["account_id"]),
    ...(groupBy === "account" ? [] : ["charge_type", "provider", "model"]),
    ...["currency_code", "book_charge", "draft_charge", "difference"],
    ...["line_count", "changed_line_count"],
  ];
}

function nameOf(group: RepriceGroup, groupBy: GroupName): string {
  if (groupBy !== "key") return group.accountId || "(none)";
  return `${group.chargeType}/${group.provider}/${group.model}`;
}

const sides: Readonly<Record<RepriceSide, string>> = {
  [RepriceSide.UNSPECIFIED]: "",
  [RepriceSide.BOOK]: "at the price book: ",
  [RepriceSide.DRAFT]: "at the draft: ",
  [RepriceSide.BOTH]: "",
};

const mostNames = 10;
