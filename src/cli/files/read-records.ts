import { readCsv } from "./csv.js";
import type { FileFormat } from "./format.js";
import type { InputFile } from "./input-file.js";
import { readJsonLines } from "./json-lines.js";
import type { Columns, FileRecord, ReadOptions } from "./record.js";

/**
 * Yields a file's rows in order, in batches of up to 1000, and holds only one batch in memory.
 *
 * @throws Failure when the file does not have the format, or when it cannot be read beyond a line.
 */
export async function* readRecords(
  inputFile: InputFile,
  format: FileFormat,
  columns: Columns,
  options: ReadOptions = defaults,
): AsyncGenerator<readonly FileRecord[]> {
  const read = format === "csv" ? readCsv : readJsonLines;
  let batch: FileRecord[] = [];
  for await (const record of read(inputFile, columns, options)) {
    batch.push(record);
    if (batch.length < batchSize) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

const defaults: ReadOptions = { ignoredColumns: [], onUnfinished: () => {} };
const batchSize = 1000;
