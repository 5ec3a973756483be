import { type MessageInitShape, toJsonString } from "@bufbuild/protobuf";
import { ConnectError } from "@connectrpc/connect";
import {
  type AllocationTermsSchema,
  type AllocationTotals,
  AllocationTotalsSchema,
} from "../../gen/llmprices/v1/allocation_pb.js";
import type { StreamAllocateChargesRequestSchema } from "../../gen/llmprices/v1/pricing_service_pb.js";
import { type Connection, withConnection } from "../client/client.js";
import type { ConnectionFlags } from "../client/client-settings.js";
import { type Upload, uploadRows } from "../client/upload.js";
import { type FileFormat, formatOf } from "../files/format.js";
import { openInputFile } from "../files/input-file.js";
import { type ReadFlags, toReadOptions } from "../files/read-options.js";
import { readRecords } from "../files/read-records.js";
import { createWriter } from "../files/write-records.js";
import { type OutputFormat, toNameValueLines } from "../output/print.js";
import { createProgress } from "../output/progress.js";
import { writeOutput } from "../output/stdout.js";
import { toEffectiveText, toTimeText } from "../output/times.js";
import { type ChargeFlags, toChargeFields, toRoundingText } from "../rows/charge-flags.js";
import { parseKeyArgument } from "../rows/key-text.js";
import { toRowsFailure } from "../rows/row-errors.js";
import { createSentRows } from "../rows/sent-rows.js";
import { chargeColumns, type UsageRow, usageColumns, usageRowParser } from "../rows/usage-rows.js";

export type AllocateFlags = ConnectionFlags &
  ReadFlags &
  ChargeFlags & {
    readonly output: OutputFormat;
    readonly format?: FileFormat;
    readonly quiet?: boolean;
    readonly priceList?: string;
  };

/**
 * Splits a cost across the accounts of a file, and writes their charges in the file's order and format.
 * Then writes the totals to standard error. Writes no charge before the service has sent all of them:
 * charges without totals are not valid.
 *
 * @throws Failure
 */
export async function runAllocate(
  keyText: string,
  file: string,
  flags: AllocateFlags,
): Promise<void> {
  const { accountId, ...key } = parseKeyArgument(keyText, flags);
  const terms: Terms = { ...key, ...toChargeFields(flags) };
  const format = formatOf(file, flags.format);
  const inputFile = await openInputFile(file);
  const isQuiet = flags.quiet === true;
  const progress = createProgress({ verb: "sent", total: inputFile.sizeBytes, isQuiet });
  const sentRows = createSentRows(usageRowParser);
  const batches = readRecords(
    ...([inputFile, format, usageColumns, toReadOptions(inputFile, flags)] as const),
  );
  const upload: Upload<UsageRow> = { inputFile, batches, sentRows, progress };
  try {
    const { texts, totals } = await withConnection(flags, (connection) =>
      allocate(connection, terms, upload, format).catch((error: unknown) => {
        if (upload.readError !== undefined) throw upload.readError;
        if (!(error instanceof ConnectError)) throw error;
        const { name } = inputFile;
        throw toRowsFailure(error, {
          ...{ path: "account_usages", result: "allocated", file: name, sentRows },
        });
      }),
    );
    progress.stop();
    for (const text of texts) await writeOutput(text);
    process.stderr.write(`${toTotalsLines(totals, flags.output).join("\n")}\n`);
  } finally {
    progress.stop();
  }
}

type Request = MessageInitShape<typeof StreamAllocateChargesRequestSchema>;
type Terms = MessageInitShape<typeof AllocationTermsSchema>;

async function allocate(
  { pricing }: Connection,
  terms: Terms,
  upload: Upload<UsageRow>,
  format: FileFormat,
): Promise<{ readonly texts: readonly string[]; readonly totals: AllocationTotals }> {
  const toText = createWriter(format, chargeColumns);
  const texts: string[] = [];
  let totals: AllocationTotals | undefined;
  for await (const response of pricing.streamAllocateCharges(toRequests(terms, upload))) {
    totals = response.totals;
    const rows = response.accountCharges.map(({ accountId, accountCharge }) => ({
      ...{ account_id: accountId, account_charge: accountCharge },
    }));
    if (rows.length > 0) texts.push(toText(rows));
  }
  if (totals === undefined) throw new Error("the service returned no totals");
  return { texts, totals };
}

async function* toRequests(terms: Terms, upload: Upload<UsageRow>): AsyncGenerator<Request> {
  yield { terms };
  for await (const accountUsages of uploadRows(upload)) yield { accountUsages };
}

function toTotalsLines(totals: AllocationTotals, output: OutputFormat): string[] {
  if (output === "json") {
    return [toJsonString(AllocationTotalsSchema, totals, { alwaysEmitImplicit: true })];
  }
  const { totalCharge, totalUsage, accountCount, markup, exact, appliedPrice } = totals;
  return toNameValueLines({
    total_charge: `${totalCharge} ${totals.currencyCode}`.trimEnd(),
    total_usage: totalUsage,
    account_count: String(accountCount),
    markup,
    exact: exact ? "yes" : "no, rounded",
    rounding: toRoundingText(totals.rounding),
    as_of: toTimeText(totals.asOf),
    llm_price_id: appliedPrice?.llmPriceId,
    effective: appliedPrice && toEffectiveText(appliedPrice),
    book_version: String(appliedPrice?.bookVersion),
  });
}
