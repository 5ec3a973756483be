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

/** Sends a price list to the service, which takes all of it or nothing. @throws Failure */
export async function runImport(file: string, flags: ImportFlags): Promise<void> {
  const format = formatOf(file, flags.format);
  const source = await openInputFile(file);
  const isQuiet = flags.quiet === true;
  const progress = createProgress({ verb: "sent", total: source.sizeBytes, isQuiet });
  const sent = createSentRows();
  const upload: Upload = { source, format, sent, progress };
  try {
    const answer = await withConnection(flags, ({ pricing }) =>
      pricing.importLLMPrices(toRequests(toTerms(flags), upload)).catch((error: unknown) => {
        // The call fails because of the file that could not be read to its end.
        throw upload.readError ?? toImportFailure(error, source.name, sent);
      }),
    );
    progress.stop();
    await reportImport(answer, { ...flags, maxChanges: maxChangesOf(flags) }, sent.lineOf);
  } finally {
    progress.stop();
  }
}

type Request = MessageInitShape<typeof ImportLLMPricesRequestSchema>;
type Terms = NonNullable<Request["terms"]>;

type Upload = {
  readonly source: InputFile;
  readonly format: FileFormat;
  readonly sent: SentRows;
  readonly progress: Progress;
  readError?: unknown;
};

async function* toRequests(terms: Terms, upload: Upload): AsyncGenerator<Request> {
  const { source, format, sent, progress } = upload;
  yield { terms };
  try {
    for await (const records of readRecords(source, format, priceListColumns)) {
      yield { rows: records.map(sent.add) };
      progress.update({ rows: sent.counts.rows, part: source.readBytes() });
    }
  } catch (error) {
    upload.readError = error;
    throw error;
  }
  progress.say("the service is at work");
}

function toTerms(flags: ImportFlags): Terms {
  const { dryRun = false, reason = "", requestId = "", registerMissing = false } = flags;
  return {
    ...{ reason, requestId, registerMissing, validateOnly: dryRun },
    missingPrices: flags.endMissing ? MissingPrices.END : MissingPrices.KEEP,
    maxChanges: maxChangesOf(flags),
  };
}

/** A dry run shows as many changes as a person reads. */
function maxChangesOf({ maxChanges, dryRun = false }: ImportFlags): number {
  return maxChanges ?? (dryRun ? 100 : 0);
}
