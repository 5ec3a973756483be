import { toJsonString } from "@bufbuild/protobuf";
import {
  type LLMPriceImportChange,
  type LLMPriceImportCounts,
  PriceChangeKind,
} from "../../gen/llmprices/v1/llm_price_import_pb.js";
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
    `${dryRun ? "dry run, would be: " : ""}${toCountsText(counts)}`,
    ...toRegisteredLines(counts),
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

function toRegisteredLines(counts: LLMPriceImportCounts): string[] {
  const { registeredChargeTypeCount, registeredProviderCount, registeredModelCount } = counts;
  if (registeredChargeTypeCount + registeredProviderCount + registeredModelCount === 0n) return [];
  return [
    `registered: ${formatCount(registeredChargeTypeCount)} charge types, ` +
      `${formatCount(registeredProviderCount)} providers, ${formatCount(registeredModelCount)} models`,
  ];
}

function toChangeLines(
  changes: readonly LLMPriceImportChange[],
  maxChanges: number,
  lineOf: (row: number) => number,
): string[] {
  if (changes.length === 0) return [];
  const table = createTable(["change", "key", "before", "price", "effective_from", "line"]);
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
    `${key?.chargeType}/${key?.provider}/${key?.model}`,
    priceBefore ?? "",
    price ?? "",
    toTimeText(effectiveFrom) ?? "",
    row === undefined ? "" : String(lineOf(Number(row))),
  ];
}

const kinds: Readonly<Record<PriceChangeKind, string>> = {
  [PriceChangeKind.UNSPECIFIED]: "",
  [PriceChangeKind.CREATED]: "created",
  [PriceChangeKind.UPDATED]: "changed",
  [PriceChangeKind.ENDED]: "ended",
};
