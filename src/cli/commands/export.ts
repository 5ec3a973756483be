import { mapAsync } from "../../async/map-async.js";
import { withConnection } from "../client/client.js";
import type { ConnectionFlags } from "../client/client-settings.js";
import { pagesOfPrices } from "../client/list-all.js";
import { readCurrentAndScheduledPrices } from "../client/open-timelines.js";
import { type FileFormat, formatOf } from "../files/format.js";
import { openOutputFile } from "../files/output-file.js";
import { createWriter } from "../files/write-records.js";
import { createProgress } from "../output/progress.js";
import { type PriceRow, priceColumns, toFields } from "../rows/price-rows.js";
import { type FilterFlags, toFilters } from "./list.js";

export type ExportFlags = ConnectionFlags &
  FilterFlags & {
    readonly format?: FileFormat;
    readonly current?: boolean;
    readonly quiet?: boolean;
  };

/** Writes a price list. Importing that list again changes nothing. @throws Failure */
export async function runExport(file: string, flags: ExportFlags): Promise<void> {
  const toText = createWriter(formatOf(file, flags.format), columnsOf(flags));
  const outputFile = await openOutputFile(file);
  // Rows that are printed on a terminal already show the progress.
  const isQuiet = flags.quiet === true || (file === "-" && process.stdout.isTTY);
  const progress = createProgress({ verb: "written", total: undefined, isQuiet });
  let rows = 0;
  try {
    await withConnection(flags, async (connection) => {
      const filters = toFilters(flags);
      const batches = flags.current
        ? currentPrices(pagesOfPrices(connection, filters))
        : readCurrentAndScheduledPrices(connection, filters);
      for await (const batch of batches) {
        await outputFile.write(toText(batch.map(toFields)));
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

function columnsOf({ current }: ExportFlags): readonly string[] {
  return current ? priceColumns.slice(0, 4) : priceColumns;
}

function currentPrices(
  pages: ReturnType<typeof pagesOfPrices>,
): AsyncGenerator<readonly PriceRow[]> {
  return mapAsync(pages, (prices) =>
    prices.map(({ chargeType, provider, model, price }) => ({
      chargeType,
      provider,
      model,
      price,
    })),
  );
}
