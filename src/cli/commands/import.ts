import type { MessageInitShape } from "@bufbuild/protobuf";
import { MissingPrices } from "../../gen/llmprices/v1/llm_price_import_pb.js";
import type { ImportLLMPricesRequestSchema } from "../../gen/llmprices/v1/pricing_service_pb.js";
import { withConnection } from "../client/client.js";
import type { ConnectionFlags } from "../client/client-settings.js";
import { type FileFormat, formatOf } from "../files/format.js";
import { type InputFile, openInputFile } from "../files/input-file.js";
import { readRecords } from "../files/read-records.js";
import { reportImport } from "../output/import-report.js";
import type { OutputFormat } from "../output/print.js";
import { createProgress, type Progress } from "../output/progress.js";
import { toImportFailure } from "../rows/import-errors.js";
import { priceListColumns } from "../rows/price-rows.js";
import { createSentRows, type SentRows } from "../rows/sent-rows.js";

export type ImportFlags = ConnectionFlags & {
  readonly output: OutputFormat;
  readonly format?: FileFormat;
  readonly dryRun?: boolean;
  readonly registerMissing?: boolean;
  readonly endMissing?: boolean;
  readonly reason?: string;
  readonly requestId?: string;
  readonly maxChanges?: number;
  readonly quiet?: boolean;
};

/** Sends a price list to the service, which applies all of it or nothing. @throws Failure */
export async function runImport(file: string, flags: ImportFlags): Promise<void> {
  const format = formatOf(file, flags.format);
  const inputFile = await openInputFile(file);
  const isQuiet = flags.quiet === true;
  const progress = createProgress({ verb: "sent", total: inputFile.sizeBytes, isQuiet });
  const sentRows = createSentRows();
  const upload: Upload = { inputFile, format, sentRows, progress };
  try {
    const response = await withConnection(flags, ({ pricing }) =>
      pricing.importLLMPrices(toRequests(toTerms(flags), upload)).catch((error: unknown) => {
        // A read error of the file also fails the call, and explains more than the call's error.
        throw upload.readError ?? toImportFailure(error, inputFile.name, sentRows);
      }),
    );
    progress.stop();
    await reportImport(response, { ...flags, maxChanges: maxChangesOf(flags) }, sentRows.lineOf);
  } finally {
    progress.stop();
  }
}

type Request = MessageInitShape<typeof ImportLLMPricesRequestSchema>;
type Terms = NonNullable<Request["terms"]>;

type Upload = {
  readonly inputFile: InputFile;
  readonly format: FileFormat;
  readonly sentRows: SentRows;
  readonly progress: Progress;
  readError?: unknown;
};

async function* toRequests(terms: Terms, upload: Upload): AsyncGenerator<Request> {
  const { inputFile, format, sentRows, progress } = upload;
  yield { terms };
  try {
    for await (const records of readRecords(inputFile, format, priceListColumns)) {
      yield { rows: records.map(sentRows.add) };
      progress.update({ rows: sentRows.counts.rows, part: inputFile.readBytes() });
    }
  } catch (error) {
    upload.readError = error;
    throw error;
  }
  progress.showStage("the service is at work");
}

function toTerms(flags: ImportFlags): Terms {
  const { dryRun = false, reason = "", requestId = "", registerMissing = false } = flags;
  return {
    ...{ reason, requestId, registerMissing, validateOnly: dryRun },
    missingPrices: flags.endMissing ? MissingPrices.END : MissingPrices.KEEP,
    maxChanges: maxChangesOf(flags),
  };
}

/** The default of a dry run is as many changes as a person reads. */
function maxChangesOf({ maxChanges, dryRun = false }: ImportFlags): number {
  return maxChanges ?? (dryRun ? 100 : 0);
}
