import { buffer } from "node:stream/consumers";
import { ConnectError } from "@connectrpc/connect";
import { DomainError } from "../../../domain/domain-error.js";
import { parseInstant } from "../../../domain/instant.js";
import {
  MissingRateCards,
  type RateCardImportRow,
} from "../../../gen/llmprices/v1/rate_card_import_pb.js";
import { withConnection } from "../../client/client.js";
import type { ConnectionFlags } from "../../client/client-settings.js";
import { usageError } from "../../exit-codes.js";
import { openInputFile } from "../../files/input-file.js";
import type { OutputFormat } from "../../output/print.js";
import { omissionReasons, type RateFile } from "../../rates/rate-file.js";
import type { RateSource } from "../../rates/rate-sources.js";
import { readRateFile } from "../../rates/read-rate-file.js";
import { hasEnded, toRows } from "./rate-card-rows.js";
import { rateGuardViolated, toRateImportFailure } from "./rate-import-errors.js";
import { reportRateImport } from "./rate-import-report.js";

export type ImportRatesFlags = ConnectionFlags & {
  readonly output: OutputFormat;
  readonly source: RateSource;
  readonly dryRun?: boolean;
  readonly provider?: string;
  readonly as?: string;
  readonly includeFree?: boolean;
  readonly registerMissing?: boolean;
  readonly missing?: "keep" | "end";
  readonly maxEnd?: string;
  readonly effectiveFrom?: string;
  readonly reason?: string;
  readonly requestId?: string;
  readonly maxChanges?: number;
  readonly details?: boolean;
};

/**
 * Imports the rate cards of a published price file, all or none, and prints what changed and what was left
 * out. @throws Failure
 */
export async function runImportRates(file: string, flags: ImportRatesFlags): Promise<void> {
  if (flags.as !== undefined && flags.provider === undefined)
    throw usageError("--as needs --provider: one name for one provider");
  const { name, bytes } = await openInputFile(file);
  const published = readPublished(name, await buffer(bytes), flags);
  const now = Date.now();
  const { effectiveFrom } = flags;
  const start =
    effectiveFrom === undefined ? undefined : parseInstant("--effective-from", effectiveFrom);
  const options = { now, start, provider: flags.as };
  const rows = published.cards.flatMap((card) => toRows(card, options));
  const response = await withConnection(flags, ({ rates }) =>
    rates.importRateCards(toRequests(rows, flags)).catch((error: unknown) => {
      throw error instanceof ConnectError ? toRateImportFailure(error, name, rows) : error;
    }),
  );
  const ended = published.cards.filter((card) => hasEnded(card, now)).length;
  await reportRateImport(
    response,
    { ...published, ended },
    { ...flags, maxChanges: mostChanges(flags) },
  );
  if (response.guardViolations.length > 0) throw rateGuardViolated(response.guardViolations);
}

function readPublished(name: string, bytes: Uint8Array, flags: ImportRatesFlags): RateFile {
  const { source, provider, includeFree = false } = flags;
  const read = (only?: string) => readRateFile(source, bytes, { includeFree, provider: only });
  try {
    const published = read(provider);
    if (published.cards.length > 0) return published;
    throw usageError(`${name} has no rate card${describeNone(published, provider, read)}`);
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    throw usageError(`${name} ${error.violations[0]?.description ?? error.message}`, error);
  }
}

/** Says which providers the file has instead, or why it has no rate card. */
function describeNone(
  { omitted }: RateFile,
  provider: string | undefined,
  read: () => RateFile,
): string {
  if (provider !== undefined && omitted.length === 0) {
    const providers = new Set(read().cards.map((card) => card.provider));
    return ` of ${provider}; its providers are: ${[...providers].sort().join(", ")}`;
  }
  const counts = Object.keys(omissionReasons).flatMap((name) => {
    const count = omitted.filter(({ reason }) => reason === name).length;
    return count === 0 ? [] : [`${count} ${name}`];
  });
  return `; left out: ${counts.join(", ") || "nothing"}`;
}

type Requests = AsyncGenerator<{ terms?: Terms; rows?: RateCardImportRow[] }>;
type Terms = ReturnType<typeof toTerms>;

async function* toRequests(rows: readonly RateCardImportRow[], flags: ImportRatesFlags): Requests {
  yield { terms: toTerms(flags) };
  let message: RateCardImportRow[] = [];
  let rates = 0;
  for (const row of rows) {
    message.push(row);
    rates += row.rates.length;
    if (message.length < 500 && rates < maxRatesInMessage) continue;
    yield { rows: message };
    message = [];
    rates = 0;
  }
  if (message.length > 0) yield { rows: message };
}

/** With the row before, which may have 1,000 rates, a message stays far below 4 MiB. */
const maxRatesInMessage = 2000;

function toTerms(flags: ImportRatesFlags) {
  const { dryRun = false, reason = "", requestId = "", registerMissing = false } = flags;
  const { as: renamed, provider = "" } = flags;
  return {
    ...{ reason, requestId, registerMissing, validateOnly: dryRun, ignorePast: true },
    // The file states the whole timeline of each card: an end that it has no more is taken back.
    missingRateCards:
      flags.missing === "end" ? MissingRateCards.REPLACE : MissingRateCards.REPLACE_ROWS,
    scope: { provider: renamed ?? provider },
    maxEndPercent: flags.maxEnd ?? defaultMaxEnd,
    maxChanges: mostChanges(flags),
  };
}

/** A file that is cut off ends more. The service ignores it unless rate cards without a row end. */
const defaultMaxEnd = "10";

/** The default of a dry run is as many changes as a person reads. */
function mostChanges({ maxChanges, dryRun = false }: ImportRatesFlags): number {
  return maxChanges ?? (dryRun ? 100 : 0);
}
