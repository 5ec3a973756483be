import { readCsv } from "./csv.js";
import type { FileFormat } from "./format.js";
import type { InputFile } from "./input-file.js";
import { readJsonLines } from "./json-lines.js";
import type { Columns, FileRecord } from "./record.js";

/**
 * Reads a file's rows in order, up to 1000 at a time, and never holds more.
 *
 * @throws Failure when it is no such file at all, or when nothing behind a line can be read.
 */
export async function* readRecords(
  source: InputFile,
  format: FileFormat,
  columns: Columns,
): AsyncGenerator<readonly FileRecord[]> {
  const read = format === "csv" ? readCsv : readJsonLines;
  let batch: FileRecord[] = [];
  for await (const record of read(source, columns)) {
    batch.push(record);
    if (batch.length < batchSize) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

const batchSize = 1000;
