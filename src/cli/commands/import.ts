import type { MessageInitShape } from "@bufbuild/protobuf";
import type { ImportLLMPricesRequestSchema } from "../../gen/llmprices/v1/pricing_service_pb.js";
import { withConnection } from "../client/client.js";
import type { ConnectionFlags } from "../client/client-settings.js";
import { type Upload, uploadRows } from "../client/upload.js";
import { usageError } from "../exit-codes.js";
import { type FileFormat, formatOf } from "../files/format.js";
import { openInputFile } from "../files/input-file.js";
import { type ReadFlags, toReadOptions } from "../files/read-options.js";
import { readRecords } from "../files/read-records.js";
import { reportImport } from "../output/import-report.js";
import { type OutputFormat, print } from "../output/print.js";
import { createProgress } from "../output/progress.js";
import { findBaseVersion } from "../rows/base-version.js";
import { guardsViolated, toImportFailure } from "../rows/import-errors.js";
import { type DraftFlags, toDraftTerms } from "../rows/import-terms.js";
import { createPriceRowParser, type PriceRow, priceListColumns } from "../rows/price-rows.js";
import { RowsFailure } from "../rows/row-errors.js";
import { createSentRows } from "../rows/sent-rows.js";

export type ImportFlags = ConnectionFlags &
  ReadFlags &
  DraftFlags & {
    readonly output: OutputFormat;
    readonly format?: FileFormat;
    readonly dryRun?: boolean;
    readonly correctPast?: boolean;
    readonly ignoreBaseVersion?: boolean;
    readonly reason?: string;
    readonly requestId?: string;
    readonly maxChanges?: number;
    readonly quiet?: boolean;
  };

/** Sends a price list to the service, which applies all of it or nothing. @throws Failure */
export async function runImport(file: string, flags: ImportFlags): Promise<void> {
  const { correctPast = false, reason = "" } = flags;
  if (correctPast && reason === "") throw usageError("--correct-past needs a --reason");
  const format = formatOf(file, flags.format);
  const inputFile = await openInputFile(file);
  const isQuiet = flags.quiet === true;
  const progress = createProgress({ verb: "sent", total: inputFile.sizeBytes, isQuiet });
  const sentRows = createSentRows(createPriceRowParser(correctPast));
  try {
    const records = readRecords(
      ...([inputFile, format, priceListColumns, toReadOptions(inputFile, flags)] as const),
    );
    const { baseBookVersion, batches } = flags.ignoreBaseVersion
      ? { baseBookVersion: undefined, batches: records }
      : await findBaseVersion(inputFile.name, records);
    const terms = toTerms(flags, baseBookVersion);
    const upload: Upload<PriceRow> = { inputFile, batches, sentRows, progress };
    const response = await withConnection(flags, ({ pricing }) =>
      pricing.importLLMPrices(toRequests(terms, upload)).catch((error: unknown) => {
        throw upload.readError ?? toImportFailure(error, inputFile.name, sentRows);
      }),
    );
    progress.stop();
    await reportImport(response, { ...flags, maxChanges: maxChangesOf(flags) }, sentRows.lineOf);
    if (response.guardViolations.length > 0) throw guardsViolated(response.guardViolations);
  } catch (error) {
    if (flags.output === "json" && error instanceof RowsFailure) {
      progress.stop();
      await print([JSON.stringify(error.report)]);
    }
    throw error;
  } finally {
    progress.stop();
  }
}

type Request = MessageInitShape<typeof ImportLLMPricesRequestSchema>;
type Terms = NonNullable<Request["terms"]>;

async function* toRequests(terms: Terms, upload: Upload<PriceRow>): AsyncGenerator<Request> {
  yield { terms };
  for await (const rows of uploadRows(upload)) yield { rows };
}

function toTerms(flags: ImportFlags, baseBookVersion: bigint | undefined): Terms {
  const { dryRun = false, reason = "", requestId = "" } = flags;
  return {
    ...toDraftTerms(flags, baseBookVersion),
    ...{ reason, requestId, validateOnly: dryRun, maxChanges: maxChangesOf(flags) },
  };
}

/** The default of a dry run is as many changes as a person reads. */
function maxChangesOf({ maxChanges, dryRun = false }: ImportFlags): number {
  return maxChanges ?? (dryRun ? 100 : 0);
}
