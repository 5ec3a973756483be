import type { MessageInitShape } from "@bufbuild/protobuf";
import type { ReserveBytes } from "../../../domain/charges/account-lookup.js";
import { toPlainText } from "../../../domain/decimal.js";
import type { AppliedPrice } from "../../../domain/llm-price.js";
import type { RepriceChargesResponseSchema } from "../../../gen/llmprices/v1/pricing_service_pb.js";
import {
  type RepricedLineSchema,
  type RepriceGroupSchema,
  type RepriceLineErrorSchema,
  RepriceSide,
  type RepriceTotalsSchema,
} from "../../../gen/llmprices/v1/reprice_pb.js";
import { toConnectError, toStatusMessage } from "../../errors/to-connect-error.js";
import { toAppliedPrice } from "../../messages/price-messages.js";
import { toTimestamp } from "../../messages/timestamps.js";
import type { PlannedDraft } from "./plan-draft.js";
import type { RepricedLine } from "./reprice-lines.js";
import type { FailedRequest, Numbered, RepricedGroup, RepriceReport } from "./reprice-report.js";

type Response = MessageInitShape<typeof RepriceChargesResponseSchema>;

/** Yields a report in messages of up to a MiB: groups, changed lines, errors, totals. */
export function* toRepriceMessages(
  report: RepriceReport,
  draft: PlannedDraft,
  reserve: ReserveBytes,
): Generator<Response> {
  reserve(Math.min(report.groups.size, groupsPerMessage) * bytesPerSentGroup);
  for (const groups of toChunks(report.groups.values(), groupsPerMessage))
    yield { groups: groups.map(toGroup) };
  for (const lines of toChunks(report.changedLines, linesPerMessage))
    yield { changedLines: lines.map((each) => toChangedLine(each, draft)) };
  for (const errors of toChunks(report.failedLines, linesPerMessage))
    yield { lineErrors: errors.map(toLineError) };
  yield { totals: toTotals(report, draft) };
}

function* toChunks<T>(values: Iterable<T>, size: number): Generator<readonly T[]> {
  let chunk: T[] = [];
  for (const value of values) {
    chunk.push(value);
    if (chunk.length < size) continue;
    yield chunk;
    chunk = [];
  }
  if (chunk.length > 0) yield chunk;
}

function toGroup({
  currencyCode,
  sums,
  ...names
}: RepricedGroup): MessageInitShape<typeof RepriceGroupSchema> {
  return { ...names, sums: { currencyCode, ...sums.sum() } };
}

function toChangedLine(
  { line, result }: Numbered<RepricedLine>,
  plan: PlannedDraft,
): MessageInitShape<typeof RepricedLineSchema> {
  const { reference, key, currencyCode, book, draft } = result;
  return {
    line: BigInt(line),
    reference,
    accountId: key.accountId,
    currencyCode,
    bookCharge: book.accountCharge,
    draftCharge: draft.accountCharge,
    difference: toPlainText(draft.charge.minus(book.charge)),
    bookMarkup: toPlainText(book.applied.price),
    draftMarkup: toPlainText(draft.applied.price),
    bookPrice: toAppliedPrice(book.applied, plan.bookVersion),
    draftPrice: toDraftPrice(draft.applied, plan),
  };
}

function toDraftPrice(applied: AppliedPrice, { prices, bookVersion }: PlannedDraft) {
  const { id } = applied;
  const price = toAppliedPrice(applied, prices.isChanged(id) ? 0n : bookVersion);
  return prices.isAdded(id) ? { ...price, llmPriceId: "" } : price;
}

function toLineError({
  line,
  result: { reference, accountId, side, error },
}: Numbered<FailedRequest>): MessageInitShape<typeof RepriceLineErrorSchema> {
  const status = toStatusMessage(toConnectError(error));
  return { line: BigInt(line), reference, accountId, side: sides[side], error: status };
}

const sides = {
  book: RepriceSide.BOOK,
  draft: RepriceSide.DRAFT,
  both: RepriceSide.BOTH,
} as const;

function toTotals(
  { totals, counts, groups }: RepriceReport,
  { prices, at, bookVersion }: PlannedDraft,
): MessageInitShape<typeof RepriceTotalsSchema> {
  return {
    sums: [...totals].map(([currencyCode, sums]) => ({ currencyCode, ...sums.sum() })),
    lineCount: BigInt(counts.lines),
    changedLineCount: BigInt(counts.changed),
    errorCount: BigInt(counts.errors),
    newlyPricedCount: BigInt(counts.newlyPriced),
    noLongerPricedCount: BigInt(counts.noLongerPriced),
    groupCount: BigInt(groups.size),
    changedPriceCount: BigInt(prices.changedCount),
    asOf: toTimestamp(at),
    bookVersion,
  };
}

// With the longest names, messages of these sizes stay below a MiB.
const groupsPerMessage = 500;
const linesPerMessage = 100;

/** Of a response: its objects, and its bytes in both threads. */
const bytesPerSentGroup = 4096;
