import { toJsonString } from "@bufbuild/protobuf";
import { toKeyText } from "../../domain/price-key.js";
import {
  type LLMPriceImportChange,
  type LLMPriceImportCounts,
  type LLMPriceImportNames,
  PriceChangeKind,
} from "../../gen/llmprices/v1/llm_price_import_pb.js";
import type { LLMPriceKey } from "../../gen/llmprices/v1/llm_price_pb.js";
import {
  type ImportLLMPricesResponse,
  ImportLLMPricesResponseSchema,
} from "../../gen/llmprices/v1/pricing_service_pb.js";
import { createTable, type OutputFormat, print } from "./print.js";
import { formatCount } from "./progress.js";
import { toTimeText } from "./times.js";

export type ReportOptions = {
  readonly output: OutputFormat;
  readonly dryRun?: boolean;
  /** The most changes that the request asked for. */
  readonly maxChanges: number;
};

/** Prints what an import changed, or would change, with the file's line of each change. */
export async function reportImport(
  response: ImportLLMPricesResponse,
  { output, dryRun = false, maxChanges }: ReportOptions,
  lineOf: (row: number) => number,
): Promise<void> {
  if (output === "json") {
    const json = toJsonString(ImportLLMPricesResponseSchema, response, {
      alwaysEmitImplicit: true,
    });
    await print([json]);
    return;
  }
  const { counts, changes, bookVersion } = response;
  if (counts === undefined) throw new Error("the service returned no counts");
  await print([
    ...toChangeLines(changes, maxChanges, lineOf),
    ...toWarningLines(response, lineOf),
    `${dryRun ? "dry run, would be: " : ""}${toCountsText(counts)}`,
    ...toDetailLines(counts),
    ...toRegisteredLines(counts, response.registeredNames, dryRun),
    ...(dryRun ? [] : [`book version ${bookVersion}`]),
  ]);
}

function toCountsText(counts: LLMPriceImportCounts): string {
  const { rowCount, createdCount, updatedCount, endedCount, unchangedCount } = counts;
  const parts = [
    `${formatCount(createdCount)} created`,
    `${formatCount(updatedCount)} changed`,
    `${formatCount(endedCount)} ended`,
    `${formatCount(unchangedCount)} unchanged`,
  ];
  return `${parts.join(", ")} (of ${formatCount(rowCount)} rows)`;
}

/** Explains counts that do not add up to the number of rows. */
function toDetailLines(counts: LLMPriceImportCounts): string[] {
  const { rowCount, duplicateRowCount, endedWithoutRowCount, cancelledRevisionCount } = counts;
  const { createdCount, updatedCount, endedCount, unchangedCount } = counts;
  const prices = createdCount + updatedCount + endedCount + unchangedCount;
  const hasSeveralRows = prices < rowCount - duplicateRowCount + endedWithoutRowCount;
  const details = [
    ...(hasSeveralRows ? [prices === 1n ? "it has several rows" : "some have several rows"] : []),
    ...(endedWithoutRowCount > 0n
      ? [`ended without a row: ${formatCount(endedWithoutRowCount)}`]
      : []),
    ...(duplicateRowCount > 0n ? [`repeated rows: ${formatCount(duplicateRowCount)}`] : []),
    ...(cancelledRevisionCount > 0n
      ? [`scheduled revisions taken back: ${formatCount(cancelledRevisionCount)}`]
      : []),
  ];
  if (prices === rowCount && details.length === 0) return [];
  return [
    [`in all ${formatCount(prices)} ${prices === 1n ? "price" : "prices"}`, ...details].join("; "),
  ];
}

function toRegisteredLines(
  counts: LLMPriceImportCounts,
  names: LLMPriceImportNames | undefined,
  dryRun: boolean,
): string[] {
  const { registeredChargeTypeCount, registeredProviderCount, registeredModelCount } = counts;
  const total = registeredChargeTypeCount + registeredProviderCount + registeredModelCount;
  if (total === 0n) return [];
  const lines = [
    ...(names?.chargeTypes ?? []).map((name) => `  charge type ${name}`),
    ...(names?.providers ?? []).map((name) => `  provider ${name}`),
    ...(names?.models ?? []).map(({ provider, name }) => `  model ${provider}/${name}`),
  ];
  return [
    `${dryRun ? "would be registered" : "registered"}: ${formatCount(registeredChargeTypeCount)} charge types, ` +
      `${formatCount(registeredProviderCount)} providers, ${formatCount(registeredModelCount)} models`,
    ...lines,
    ...toOthersLine(total, lines.length),
  ];
}

function toWarningLines(
  { warnings, warningCount }: ImportLLMPricesResponse,
  lineOf: (row: number) => number,
): string[] {
  if (warnings.length === 0) return [];
  const lines = warnings.map(
    ({ row, key, description }) =>
      `warning: line ${lineOf(Number(row))}: ${toOptionalKeyText(key)}: ${description}`,
  );
  return [...lines, ...toOthersLine(warningCount, lines.length), ""];
}

function toOthersLine(count: bigint, shown: number): string[] {
  const others = count - BigInt(shown);
  return others > 0n ? [`  and ${formatCount(others)} others`] : [];
}

function toChangeLines(
  changes: readonly LLMPriceImportChange[],
  maxChanges: number,
  lineOf: (row: number) => number,
): string[] {
  if (changes.length === 0) return [];
  const table = createTable([
    ...["change", "key", "before", "price", "percent", "effective_from", "then", "before_set_by"],
    "line",
  ]);
  const lines = table(changes.map((change) => toCells(change, lineOf)));
  const isTruncated = changes.length === maxChanges;
  return [
    ...lines,
    ...(isTruncated ? [`the first ${maxChanges} changes (--max-changes)`] : []),
    "",
  ];
}

function toCells(change: LLMPriceImportChange, lineOf: (row: number) => number): string[] {
  const { kind, key, priceBefore, price, effectiveFrom, row } = change;
  return [
    kinds[kind],
    toOptionalKeyText(key),
    priceBefore ?? "",
    price ?? "",
    toPercentText(change.changePercent),
    toTimeText(effectiveFrom) ?? "",
    toThenText(change),
    change.priceBeforeChangedBy ?? "",
    row === undefined ? "" : String(lineOf(Number(row))),
  ];
}

function toOptionalKeyText(key: LLMPriceKey | undefined): string {
  return key === undefined ? "" : toKeyText(key);
}

/** A sign shows the direction. */
function toPercentText(percent: string | undefined): string {
  if (percent === undefined) return "";
  return `${percent.startsWith("-") || percent === "0" ? "" : "+"}${percent} %`;
}

/** What follows the change, or what is taken back with it. */
function toThenText({ next, cancelledRevisionCount }: LLMPriceImportChange): string {
  if (cancelledRevisionCount > 0n)
    return `${formatCount(cancelledRevisionCount)} scheduled taken back`;
  return next ? `${next.price ?? "ends"} from ${toTimeText(next.effectiveFrom)}` : "";
}

const kinds: Readonly<Record<PriceChangeKind, string>> = {
  [PriceChangeKind.UNSPECIFIED]: "",
  [PriceChangeKind.CREATED]: "created",
  [PriceChangeKind.UPDATED]: "changed",
  [PriceChangeKind.ENDED]: "ended",
};
