import type { MessageInitShape } from "@bufbuild/protobuf";
import type { RepriceChargesRequestSchema } from "../../../gen/llmprices/v1/pricing_service_pb.js";
import { RepriceGroupBy, type RepriceTotals } from "../../../gen/llmprices/v1/reprice_pb.js";
import { withConnection } from "../../client/client.js";
import type { ConnectionFlags } from "../../client/client-settings.js";
import { type Upload, uploadRows } from "../../client/upload.js";
import { exitCodes, Failure, usageError } from "../../exit-codes.js";
import { type FileFormat, formatOf } from "../../files/format.js";
import { openInputFile } from "../../files/input-file.js";
import { type ReadFlags, toReadOptions } from "../../files/read-options.js";
import { readRecords } from "../../files/read-records.js";
import type { Columns } from "../../files/record.js";
import { isAbove } from "../../output/largest-changes.js";
import { print } from "../../output/print.js";
import { createProgress } from "../../output/progress.js";
import { writeOutput } from "../../output/stdout.js";
import { findBaseVersion } from "../../rows/base-version.js";
import { type ChargeRow, chargeRowColumns, chargeRowParser } from "../../rows/charge-rows.js";
import { toImportFailure } from "../../rows/import-errors.js";
import { type DraftFlags, toDraftTerms } from "../../rows/import-terms.js";
import { createPriceRowParser, type PriceRow, priceListColumns } from "../../rows/price-rows.js";
import { createSentRows, type RowParser, type SentRows } from "../../rows/sent-rows.js";
import { type GroupName, RepriceOutput, toTotalsLines } from "./reprice-output.js";

export type RepriceFlags = ConnectionFlags &
  ReadFlags &
  DraftFlags & {
    readonly draft: string;
    readonly groupBy: GroupName;
    readonly output: "table" | FileFormat;
    readonly failAbove?: string;
    readonly format?: FileFormat;
    readonly quiet?: boolean;
    readonly correctPast?: boolean;
    readonly ignoreBaseVersion?: boolean;
  };

/**
 * Compares the charges of a file's lines at the price book with those at a draft, and prints the totals and
 * the largest changes, or all groups.
 *
 * @throws Failure also when the charges change by more than `--fail-above`.
 */
export async function runReprice(file: string, flags: RepriceFlags): Promise<void> {
  if (file === "-" && flags.draft === "-")
    throw usageError("LINES and --draft are both -; only one of them can be standard input");
  const lines = await openUpload(file, flags, chargeRowColumns, chargeRowParser, false);
  const priceParser = createPriceRowParser(flags.correctPast === true);
  const draft = await openUpload(flags.draft, flags, priceListColumns, priceParser, true);
  const report = new RepriceOutput(
    flags.groupBy,
    flags.output === "table" ? undefined : flags.output,
  );
  try {
    const totals = await compare(flags, draft, lines, report);
    lines.progress.stop();
    await printReport(report, totals, flags);
    const errors = report.toErrorLines(totals, lines.inputFile.name, lines.sentRows);
    if (errors.length > 0) process.stderr.write(`${errors.join("\n")}\n`);
    requireAccepted(totals, lines.sentRows, flags);
  } finally {
    lines.progress.stop();
  }
}

/** Opens a file of rows. Only one of the files shows progress. */
async function openUpload<Row extends object>(
  file: string,
  flags: RepriceFlags,
  columns: Columns,
  parser: RowParser<Row>,
  isQuiet: boolean,
): Promise<Upload<Row>> {
  const format = formatOf(file, file === flags.draft ? undefined : flags.format);
  const inputFile = await openInputFile(file);
  const options = toReadOptions(inputFile, flags);
  return {
    inputFile,
    batches: readRecords(inputFile, format, columns, options),
    sentRows: createSentRows(parser),
    progress: createProgress({
      ...{ verb: "sent", total: inputFile.sizeBytes, isQuiet: isQuiet || flags.quiet === true },
    }),
  };
}

async function compare(
  flags: RepriceFlags,
  opened: Upload<PriceRow>,
  lines: Upload<ChargeRow>,
  report: RepriceOutput,
): Promise<RepriceTotals> {
  const { name } = opened.inputFile;
  const { baseBookVersion, batches } = flags.ignoreBaseVersion
    ? { baseBookVersion: undefined, batches: opened.batches }
    : await findBaseVersion(name, opened.batches as Parameters<typeof findBaseVersion>[1]);
  const draft: Upload<PriceRow> = { ...opened, batches };
  // The service wants a reason for corrections, and keeps none of a draft.
  const terms = { ...toDraftTerms(flags, baseBookVersion), reason: "a draft" };
  const first = { draft: { terms }, groupBy: groupings[flags.groupBy] };
  let totals: RepriceTotals | undefined;
  await withConnection(flags, async ({ pricing }) => {
    try {
      for await (const response of pricing.repriceCharges(toRequests(first, draft, lines))) {
        report.add(response);
        totals = response.totals;
      }
    } catch (error) {
      const rows = { path: "draft.rows", result: "repriced" } as const;
      throw (
        draft.readError ?? lines.readError ?? toImportFailure(error, name, draft.sentRows, rows)
      );
    }
  });
  if (totals === undefined) throw new Error("the service returned no totals");
  return totals;
}

type Request = MessageInitShape<typeof RepriceChargesRequestSchema>;

async function* toRequests(
  first: Request,
  draft: Upload<PriceRow>,
  lines: Upload<ChargeRow>,
): AsyncGenerator<Request> {
  yield first;
  for await (const rows of uploadRows(draft)) yield { draft: { rows } };
  for await (const rows of uploadRows(lines)) yield { lines: rows };
}

const groupings: Readonly<Record<GroupName, RepriceGroupBy>> = {
  account: RepriceGroupBy.ACCOUNT,
  key: RepriceGroupBy.KEY,
  "account-and-key": RepriceGroupBy.ACCOUNT_AND_KEY,
};

async function printReport(
  report: RepriceOutput,
  totals: RepriceTotals,
  { output }: RepriceFlags,
): Promise<void> {
  if (output === "table") return print(report.toTableLines(totals));
  for (const text of report.texts) await writeOutput(text);
  process.stderr.write(`${toTotalsLines(totals).join("\n")}\n`);
}

/** @throws Failure when rows cannot be read, or when the change is above the limit. */
function requireAccepted(
  totals: RepriceTotals,
  { counts }: SentRows<object>,
  { failAbove }: RepriceFlags,
): void {
  const problems = [
    ...(counts.unreadable > 0 ? [`rows that cannot be read: ${counts.unreadable}`] : []),
    ...(failAbove === undefined ? [] : toLimitProblems(totals, failAbove)),
  ];
  if (problems.length > 0) throw new Failure(problems.join("; "), exitCodes.rejected);
}

function toLimitProblems(totals: RepriceTotals, limit: string): string[] {
  const above = totals.sums.filter((sums) => isAbove(sums, limit));
  const lost = totals.noLongerPricedCount;
  return [
    ...above.map(
      ({ currencyCode, difference, bookCharge }) =>
        `the charges change by ${`${difference} ${currencyCode}`.trimEnd()} from ${bookCharge}, ` +
        `more than ${limit} %`,
    ),
    ...(lost > 0n ? [`lines that lose their price: ${lost}`] : []),
  ];
}
