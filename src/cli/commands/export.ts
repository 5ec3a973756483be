import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { mapAsync } from "../../async/map-async.js";
import type { LLMPrice } from "../../gen/llmprices/v1/llm_price_pb.js";
import { type Connection, withConnection } from "../client/client.js";
import type { ConnectionFlags } from "../client/client-settings.js";
import { type PriceFilters, pagesOfPrices } from "../client/list-all.js";
import { type BookState, readBookState, readTimelines } from "../client/read-timelines.js";
import { type FileFormat, formatOf } from "../files/format.js";
import { openOutputFile } from "../files/output-file.js";
import { createWriter } from "../files/write-records.js";
import { createProgress } from "../output/progress.js";
import { baseVersionColumn, type PriceRow, priceColumns, toFields } from "../rows/price-rows.js";
import { type ToRows, toHistoryRows, toOpenRows, toStateRows } from "../rows/timeline-rows.js";
import { type FilterFlags, toFilters } from "./list.js";

export type ExportFlags = ConnectionFlags &
  FilterFlags & {
    readonly format?: FileFormat;
    readonly current?: boolean;
    readonly history?: boolean;
    readonly bookVersion?: bigint;
    /** False with `--no-base-version`. */
    readonly baseVersion: boolean;
    readonly quiet?: boolean;
  };

/** Writes a price list. Importing that list again changes nothing. @throws Failure */
export async function runExport(file: string, flags: ExportFlags): Promise<void> {
  const toText = createWriter(formatOf(file, flags.format), columnsOf(flags));
  const outputFile = await openOutputFile(file);
  // Rows that are printed on a terminal already show the progress.
  const isQuiet = flags.quiet === true || (file === "-" && process.stdout.isTTY);
  const progress = createProgress({ verb: "written", total: undefined, isQuiet });
  const { bookVersion, ...filterFlags } = flags;
  const filters = toFilters(filterFlags);
  let rows = 0;
  try {
    await withConnection(flags, async (connection) => {
      const state = await readBookState(connection, filters, bookVersion);
      // What the user has looked at is the newest version, also in a list of what an older one said.
      const base = flags.baseVersion ? { base_book_version: String(state.newestVersion) } : {};
      for await (const batch of readRows(connection, filters, state, flags)) {
        await outputFile.write(toText(batch.map((row) => ({ ...toFields(row), ...base }))));
        rows += batch.length;
        progress.update({ rows });
      }
    });
    await outputFile.commit();
  } finally {
    progress.stop();
    await outputFile.close();
  }
}

function columnsOf({ current, baseVersion }: ExportFlags): readonly string[] {
  const columns = current ? priceColumns.slice(0, 4) : priceColumns;
  return baseVersion ? [...columns, baseVersionColumn] : columns;
}

function readRows(
  connection: Connection,
  filters: PriceFilters,
  state: BookState,
  { current, history, bookVersion }: ExportFlags,
): AsyncGenerator<readonly PriceRow[]> {
  if (current) {
    const time = { asOf: timestampFromMs(state.now), bookVersion: state.bookVersion };
    return mapAsync(pagesOfPrices(connection, { ...filters, ...time }), toCurrentRows);
  }
  if (history) return timelineRows(connection, filters, state, toHistoryRows);
  const toRows = bookVersion === undefined ? toOpenRows : toStateRows;
  return timelineRows(connection, filters, state, toRows);
}

/** The last batch may be empty: an export without prices still writes its header. */
async function* timelineRows(
  connection: Connection,
  filters: PriceFilters,
  { now, bookVersion }: BookState,
  toRows: ToRows,
): AsyncGenerator<readonly PriceRow[]> {
  const timelines = await readTimelines(connection, filters, bookVersion);
  for (let from = 0; from < timelines.length; from += batchSize) {
    yield timelines.slice(from, from + batchSize).flatMap((timeline) => toRows(timeline, now));
  }
  yield [];
}

function toCurrentRows(prices: readonly LLMPrice[]): PriceRow[] {
  return prices.map(({ chargeType, provider, model, price }) => ({
    ...{ chargeType, provider, model, price },
  }));
}

const batchSize = 1000;
