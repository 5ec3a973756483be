import { toJson } from "@bufbuild/protobuf";
import { toRateCardText } from "../../../domain/rate-card.js";
import type { RateCardImportCounts } from "../../../gen/llmprices/v1/rate_card_import_pb.js";
import {
  type ImportRateCardsResponse,
  ImportRateCardsResponseSchema,
} from "../../../gen/llmprices/v1/rate_service_pb.js";
import { type OutputFormat, print } from "../../output/print.js";
import { formatCount } from "../../output/progress.js";
import { noteKinds, omissionReasons, type RateFile } from "../../rates/rate-file.js";
import { toRateChangeLines } from "./rate-changes.js";

/** What was read, and how many of its cards only say that the model has ended. */
type Published = RateFile & { readonly ended: number };

export type RateReportOptions = {
  readonly output: OutputFormat;
  readonly dryRun?: boolean;
  /** The most changes that the request asked for. */
  readonly maxChanges: number;
  /** Whether to list everything that was left out, and all notes. */
  readonly details?: boolean;
};

/** Prints what an import of a published file changed, or would change, and what no rate card has. */
export async function reportRateImport(
  response: ImportRateCardsResponse,
  published: Published,
  { output, dryRun = false, maxChanges, details = false }: RateReportOptions,
): Promise<void> {
  const { omitted, notes } = published;
  if (output === "json") {
    const options = { alwaysEmitImplicit: true };
    const imported = toJson(ImportRateCardsResponseSchema, response, options);
    await print([JSON.stringify({ imported, omitted, notes })]);
    return;
  }
  const { counts, bookVersion } = response;
  if (counts === undefined) throw new Error("the service returned no counts");
  await print([
    ...(dryRun || details ? toLeftOutLines(published, details) : []),
    ...toRateChangeLines(response, maxChanges),
    ...response.warnings.map(
      ({ key, description }) =>
        `warning: ${key === undefined ? "" : toRateCardText(key)}: ${description}`,
    ),
    `${dryRun ? "dry run, would be: " : ""}${toCountsText(counts)}`,
    ...toRegisteredLine(counts, dryRun),
    `left out: ${formatCount(omitted.filter(isWhole).length)} entries, ` +
      `${formatCount(omitted.filter((each) => !isWhole(each)).length)} fields of others`,
    ...(published.ended === 0
      ? []
      : [`ended by now: ${formatCount(published.ended)}; --effective-from imports their past`]),
    ...(dryRun ? [] : [`book version ${bookVersion}`]),
  ]);
}

function isWhole({ field }: { readonly field?: string }): boolean {
  return field === undefined;
}

/** Returns what was left out by its reasons, and what to look at, with some of the entries of each. */
function toLeftOutLines({ omitted, notes }: RateFile, details: boolean): string[] {
  const most = details ? Number.POSITIVE_INFINITY : shownEntries;
  const left = Object.entries(omissionReasons).flatMap(([reason, text]) => {
    const items = omitted.filter((each) => each.reason === reason);
    const texts = items.map(({ entry, field, detail }) =>
      [entry, ...(field === undefined ? [] : [field]), ...(detail ? [`(${detail})`] : [])].join(
        " ",
      ),
    );
    return toGroup(`left out ${formatCount(items.length)}: ${text} (${reason})`, texts, most);
  });
  const noted = Object.entries(noteKinds).flatMap(([kind, text]) => {
    const items = notes.filter((each) => each.kind === kind);
    const texts = items.map(({ entry, field, value }) => `${entry} ${field} ${value}`);
    return toGroup(`look at ${formatCount(items.length)}: ${text} (${kind})`, texts, most);
  });
  return [...left, ...noted, ""];
}

function toGroup(title: string, texts: readonly string[], most: number): string[] {
  if (texts.length === 0) return [];
  const others = texts.length - most;
  return [
    title,
    ...texts.slice(0, most).map((text) => `  ${text}`),
    ...(others > 0 ? [`  and ${formatCount(others)} others (--details)`] : []),
  ];
}

/** Enough to see what kind of entries they are. */
const shownEntries = 3;

function toCountsText(counts: RateCardImportCounts): string {
  const { rowCount, createdCount, updatedCount, endedCount, unchangedCount } = counts;
  const parts = [
    `${formatCount(createdCount)} added`,
    `${formatCount(updatedCount)} changed`,
    `${formatCount(endedCount)} ended`,
    `${formatCount(unchangedCount)} unchanged`,
  ];
  return `${parts.join(", ")} (of ${formatCount(rowCount)} rows)`;
}

function toRegisteredLine(counts: RateCardImportCounts, dryRun: boolean): string[] {
  const { registeredProviderCount: providers, registeredModelCount: models } = counts;
  if (providers + models === 0n) return [];
  const verb = dryRun ? "would be registered" : "registered";
  return [`${verb}: ${formatCount(providers)} providers, ${formatCount(models)} models`];
}
