import type { InputFile } from "../files/input-file.js";
import type { FileRecord } from "../files/record.js";
import type { Progress } from "../output/progress.js";
import type { SentRows } from "../rows/sent-rows.js";

/** A file whose rows are sent to the service while it is read. */
export type Upload<Row> = {
  readonly inputFile: InputFile;
  readonly batches: AsyncIterable<readonly FileRecord[]>;
  readonly sentRows: SentRows<Row>;
  readonly progress: Progress;
  /** Set when the file cannot be read: this also fails the call, and explains more than its error. */
  readError?: unknown;
};

/** Yields a file's rows in the form of a request, in batches of up to 1000. */
export async function* uploadRows<Row>(upload: Upload<Row>): AsyncGenerator<Row[]> {
  const { inputFile, batches, sentRows, progress } = upload;
  try {
    for await (const records of batches) {
      yield records.map(sentRows.add);
      progress.update({ rows: sentRows.counts.rows, part: inputFile.readBytes() });
    }
  } catch (error) {
    upload.readError = error;
    throw error;
  }
  progress.showStage("the service is at work");
}
