import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { mapAsync } from "../../async/map-async.js";
import { isForEveryone } from "../../domain/price-key.js";
import { type LLMPrice, PriceAudience } from "../../gen/llmprices/v1/llm_price_pb.js";
import { type Connection, withConnection } from "../client/client.js";
import type { ConnectionFlags } from "../client/client-settings.js";
import { includesAudiences, type PriceFilters, pagesOfPrices } from "../client/list-all.js";
import { type BookState, readBookState, readTimelines } from "../client/read-timelines.js";
import { type FileFormat, formatOf } from "../files/format.js";
import { openOutputFile } from "../files/output-file.js";
import { createWriter } from "../files/write-records.js";
import { createProgress } from "../output/progress.js";
import {
  audienceColumns,
  baseVersionColumn,
  type PriceRow,
  priceColumns,
  toFields,
} from "../rows/price-rows.js";
import {
  type Timeline,
  type ToRows,
  toHistoryRows,
  toOpenRows,
  toStateRows,
} from "../rows/timeline-rows.js";
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
  const format = formatOf(file, flags.format);
  const outputFile = await openOutputFile(file);
  // Rows that are printed on a terminal already show the progress.
  const isQuiet = flags.quiet === true || (file === "-" && process.stdout.isTTY);
  const progress = createProgress({ verb: "written", total: undefined, isQuiet });
  const { bookVersion, ...filterFlags } = flags;
  const filters = toFilters(withAllAudiences(filterFlags));
  let rows = 0;
  try {
    await withConnection(flags, async (connection) => {
      const state = await readBookState(connection, filters, bookVersion);
      // What the user has looked at is the newest version, also in a list of what an older one said.
      const base = flags.baseVersion ? { base_book_version: String(state.newestVersion) } : {};
      const { hasAudience, batches } = await readRows(connection, filters, state, flags);
      const toText = createWriter(format, columnsOf(flags, hasAudience));
      for await (const batch of batches) {
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

/** Without flags for the audience, a list has all prices. */
function withAllAudiences<F extends FilterFlags>(flags: F): F & FilterFlags {
  const isGiven = (flags.account ?? flags.priceList ?? flags.audience) !== undefined;
  return isGiven ? flags : { ...flags, audience: "all" };
}

function columnsOf({ current, baseVersion }: ExportFlags, hasAudience: boolean): readonly string[] {
  const columns = current ? priceColumns.slice(0, 4) : priceColumns;
  return [
    ...(hasAudience ? audienceColumns : []),
    ...columns,
    ...(baseVersion ? [baseVersionColumn] : []),
  ];
}

/** The rows of a list, and whether some of them are not for everyone: only then it has their columns. */
type ListRows = {
  readonly hasAudience: boolean;
  readonly batches: AsyncGenerator<readonly PriceRow[]>;
};

async function readRows(
  connection: Connection,
  filters: PriceFilters,
  state: BookState,
  { current, history, bookVersion }: ExportFlags,
): Promise<ListRows> {
  if (current) return readCurrentRows(connection, filters, state);
  const openRows = bookVersion === undefined ? toOpenRows : toStateRows;
  const toRows = history ? toHistoryRows : openRows;
  const timelines = await readTimelines(connection, filters, state.bookVersion);
  return {
    hasAudience: timelines.some(({ key }) => !isForEveryone(key)),
    batches: timelineRows(timelines, toRows, state),
  };
}

async function readCurrentRows(
  connection: Connection,
  filters: PriceFilters,
  { now, bookVersion }: BookState,
): Promise<ListRows> {
  const request = { ...filters, asOf: timestampFromMs(now), bookVersion };
  const hasAny = async (audience: PriceAudience) => {
    const page = { ...request, audience, pageSize: 1 };
    return (await connection.pricing.listLLMPrices(page)).llmPrices.length > 0;
  };
  const hasAudience =
    filters.audience === PriceAudience.ALL
      ? (await hasAny(PriceAudience.ACCOUNTS)) || (await hasAny(PriceAudience.PRICE_LISTS))
      : includesAudiences(filters);
  return { hasAudience, batches: mapAsync(pagesOfPrices(connection, request), toCurrentRows) };
}

/** The last batch may be empty: an export without prices still writes its header. */
async function* timelineRows(
  timelines: readonly Timeline[],
  toRows: ToRows,
  { now }: BookState,
): AsyncGenerator<readonly PriceRow[]> {
  for (let from = 0; from < timelines.length; from += batchSize) {
    yield timelines.slice(from, from + batchSize).flatMap((timeline) => toRows(timeline, now));
  }
  yield [];
}

function toCurrentRows(prices: readonly LLMPrice[]): PriceRow[] {
  return prices.map(({ accountId, priceList, chargeType, provider, model, price }) => ({
    ...{ accountId, priceList, chargeType, provider, model, price },
  }));
}

const batchSize = 1000;
