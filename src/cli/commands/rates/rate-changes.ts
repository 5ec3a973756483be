import { Decimal, toPlainText } from "../../../domain/decimal.js";
import { toRateCardText } from "../../../domain/rate-card.js";
import {
  type RateCardContent,
  type RateCardImportChange,
  RateCardImportChangeKind,
} from "../../../gen/llmprices/v1/rate_card_import_pb.js";
import { type Rate, UsageBucket } from "../../../gen/llmprices/v1/rate_card_pb.js";
import type { ImportRateCardsResponse } from "../../../gen/llmprices/v1/rate_service_pb.js";
import { createTable } from "../../output/print.js";
import { formatCount } from "../../output/progress.js";
import { toTimeText } from "../../output/times.js";
import { describeConditions } from "./conditions.js";

/** Returns a table of changes: a line for a new or ended rate card, and one for each rate that changes. */
export function toRateChangeLines(
  { changes, counts }: ImportRateCardsResponse,
  maxChanges: number,
): string[] {
  if (changes.length === 0) return [];
  const columns = ["change", "rate_card", "what", "before", "after", "percent", "effective_from"];
  const total = Number(
    (counts?.createdCount ?? 0n) + (counts?.updatedCount ?? 0n) + (counts?.endedCount ?? 0n),
  );
  const isTruncated = changes.length === maxChanges || changes.length < total;
  return [
    ...createTable([...columns, "why"])(changes.flatMap(toRows)),
    ...(isTruncated ? [`the first ${formatCount(changes.length)} changes (--max-changes)`] : []),
    "",
  ];
}

function toRows(change: RateCardImportChange): string[][] {
  const { kind, key, before, after, effectiveFrom } = change;
  const name = key === undefined ? "" : toRateCardText(key);
  const time = toTimeText(effectiveFrom) ?? "";
  const toLine = (what: string, [was, is, percent]: readonly string[], why = "") => [
    ...[kinds[kind], name, what, was ?? "", is ?? "", percent ?? "", time, why],
  ];
  if (after === undefined) {
    const why = change.row === undefined ? "it is not in the file" : "the file says that it ends";
    return [toLine(before === undefined ? "end" : countRates(before), [], why)];
  }
  if (before === undefined) return [toLine(countRates(after), [])];
  return differencesOf(before, after).map(({ what, values }) => toLine(what, values));
}

function countRates(content: RateCardContent | undefined): string {
  const count = content?.rates.length ?? 0;
  return `${count} ${count === 1 ? "rate" : "rates"}`;
}

type Difference = { readonly what: string; readonly values: readonly string[] };

function differencesOf(before: RateCardContent, after: RateCardContent): readonly Difference[] {
  const [old, current] = [before, after].map(({ rates }) => byConditions(rates)) as [Rates, Rates];
  const texts = [
    { what: "currency_code", values: [before.currencyCode, after.currencyCode] },
    { what: "source", values: [before.source, after.source] },
  ].filter(({ values: [was, is] }) => was !== is);
  const rates = [...new Set([...old.keys(), ...current.keys()])].flatMap((what) => {
    const [was, is] = [old.get(what), current.get(what)];
    if (was?.rate === is?.rate && was?.per === is?.per) return [];
    return [{ what, values: [toText(was), toText(is), toPercent(was, is)] }];
  });
  const all = [...texts, ...rates];
  return all.length > 0 ? all : [{ what: "order of the rates", values: [] }];
}

type Rates = ReadonlyMap<string, Rate>;

function byConditions(rates: readonly Rate[]): Rates {
  return new Map(
    rates.map((rate) => [[UsageBucket[rate.bucket], ...describeConditions(rate)].join(", "), rate]),
  );
}

function toText(rate: Rate | undefined): string {
  if (rate === undefined) return "";
  return rate.per === 1_000_000 ? rate.rate : `${rate.rate} per ${rate.per}`;
}

/** A sign shows the direction. */
function toPercent(before: Rate | undefined, after: Rate | undefined): string {
  if (before === undefined || after === undefined || new Decimal(before.rate).isZero()) return "";
  const [was, is] = [before, after].map(({ rate, per }) => new Decimal(rate).div(per)) as [
    Decimal,
    Decimal,
  ];
  const percent = is.minus(was).times(100).div(was).toDecimalPlaces(2);
  return `${percent.isPositive() && !percent.isZero() ? "+" : ""}${toPlainText(percent)} %`;
}

const kinds: Readonly<Record<RateCardImportChangeKind, string>> = {
  [RateCardImportChangeKind.UNSPECIFIED]: "",
  [RateCardImportChangeKind.CREATED]: "added",
  [RateCardImportChangeKind.UPDATED]: "changed",
  [RateCardImportChangeKind.ENDED]: "ended",
};
