import { Readable } from "node:stream";
import { CsvError, parse } from "csv-parse";
import type { InputFile } from "./input-file.js";
import {
  type Columns,
  type Fields,
  type FileRecord,
  fileError,
  maxRecordBytes,
  nameColumns,
  type ReadOptions,
  toBadRecord,
} from "./record.js";

/**
 * Reads CSV (RFC 4180). The first line names the columns, in any order. Takes what spreadsheet programs
 * write: other delimiters, a first line `sep=;`, rows and columns that are empty, mixed line ends, rows
 * without the empty values at their end.
 *
 * @throws Failure
 */
export async function* readCsv(
  inputFile: InputFile,
  columns: Columns,
  options: ReadOptions,
): AsyncGenerator<FileRecord> {
  const text = new CsvText(inputFile.bytes as AsyncIterable<Uint8Array>);
  const first = await text.readFirstLine();
  const otherFormat = findOtherFormat(first);
  if (otherFormat !== undefined)
    throw fileError(
      inputFile,
      1,
      `is ${otherFormat}, not CSV in UTF-8; save it in the format "CSV UTF-8"`,
    );
  const declared = /^sep=(.)$/i.exec(first.toString().trim())?.[1];
  if (declared !== undefined) text.dropFirstLine();
  const header = declared === undefined ? first : await text.readFirstLine();
  const parser = parse({
    delimiter: options.delimiter ?? declared ?? findDelimiter(header.toString()),
    record_delimiter: ["\r\n", "\n", "\r"],
    info: true,
    relax_column_count: true,
    skip_empty_lines: true,
    max_record_size: maxRecordBytes,
  });
  const source = Readable.from(text.bytes());
  source.on("error", (error) => parser.destroy(error));
  source.pipe(parser);
  const skippedLines = declared === undefined ? 0 : 1;
  let names: readonly (string | undefined)[] | undefined;
  // Is read when the next row has come: then nothing can be cut off at its end.
  let last: Row | undefined;
  try {
    for await (const { info, record } of parser as AsyncIterable<Parsed>) {
      const line = info.lines + skippedLines;
      if (names === undefined) names = readNames(inputFile, line, record, columns, options);
      else if (record.some((value) => value !== "")) {
        if (last !== undefined) yield toRecord(last, names, columns.required);
        last = { line, values: record };
      }
    }
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    throw fileError(inputFile, Number(error.lines ?? 1) + skippedLines, error.message);
  }
  if (names === undefined)
    throw fileError(inputFile, 1, "there is no line with the columns' names");
  if (last !== undefined)
    yield toRecord(last, names, text.endsInLineEnd ? columns.required : names);
  if (!text.endsInLineEnd) options.onUnfinished("its last line has no line end: it may be cut off");
}

type Parsed = { readonly info: { readonly lines: number }; readonly record: readonly string[] };

type Row = { readonly line: number; readonly values: readonly string[] };

/** The bytes of a file, of which the first line is looked at before a parser gets them. */
class CsvText {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #start = Buffer.alloc(0);
  #isAtStart = true;
  endsInLineEnd = false;

  constructor(bytes: AsyncIterable<Uint8Array>) {
    this.#chunks = bytes[Symbol.asyncIterator]();
  }

  /** Returns the first line, without its end and without a byte order mark. */
  async readFirstLine(): Promise<Buffer> {
    while (this.#lineEnd() < 0 && this.#start.length < maxRecordBytes) {
      const { done, value } = await this.#chunks.next();
      if (done) break;
      this.#add(value);
    }
    const end = this.#lineEnd();
    return this.#start.subarray(0, end < 0 ? undefined : end);
  }

  dropFirstLine(): void {
    const end = this.#lineEnd();
    const length = this.#start[end] === carriageReturn && this.#start[end + 1] === lineFeed ? 2 : 1;
    this.#start = end < 0 ? Buffer.alloc(0) : this.#start.subarray(end + length);
  }

  /** Yields everything. */
  async *bytes(): AsyncGenerator<Uint8Array> {
    for (let chunk: Uint8Array | undefined = this.#start; chunk !== undefined; ) {
      if (chunk.length > 0) this.endsInLineEnd = endsLine(chunk);
      yield chunk;
      const { done, value } = await this.#chunks.next();
      chunk = done ? undefined : value;
    }
  }

  #add(chunk: Uint8Array): void {
    this.#start = Buffer.concat([this.#start, chunk]);
    if (!this.#isAtStart || this.#start.length < byteOrderMark.length) return;
    this.#isAtStart = false;
    if (this.#start.subarray(0, byteOrderMark.length).equals(byteOrderMark))
      this.#start = this.#start.subarray(byteOrderMark.length);
  }

  #lineEnd(): number {
    return this.#start.findIndex((byte) => byte === lineFeed || byte === carriageReturn);
  }
}

function endsLine(chunk: Uint8Array): boolean {
  return chunk.at(-1) === lineFeed || chunk.at(-1) === carriageReturn;
}

const byteOrderMark = Buffer.from([0xef, 0xbb, 0xbf]);
const lineFeed = 0x0a;
const carriageReturn = 0x0d;

/** Returns what a file is whose first line is no text in UTF-8. Undefined: it may be CSV. */
function findOtherFormat(first: Buffer): string | undefined {
  if (first.subarray(0, 4).toString("latin1") === "PK\u0003\u0004") return "a workbook";
  const mark = first.subarray(0, 2).toString("hex");
  return mark === "fffe" || mark === "feff" ? "UTF-16" : undefined;
}

/** Returns the delimiter that splits the line of names into the most names. */
function findDelimiter(header: string): string {
  const count = (delimiter: string) => header.split(delimiter).length;
  return [",", ";", "\t", "|"].reduce((a, b) => (count(b) > count(a) ? b : a));
}

function readNames(
  inputFile: InputFile,
  line: number,
  record: readonly string[],
  columns: Columns,
  options: ReadOptions,
): readonly (string | undefined)[] {
  const { names, problems } = nameColumns(record, columns, options);
  const missing = columns.required.filter((name) => !names.includes(name));
  if (missing.length > 0) problems.push(`has no column ${missing.join(", ")}`);
  const known = names.filter((name) => name !== undefined);
  if (new Set(known).size < known.length) problems.push("names a column twice");
  if (problems.length > 0)
    throw fileError(inputFile, line, `the line of names ${problems.join("; ")}`);
  return names;
}

/** `needed`: the columns for which the row must have a value, even if it is empty. */
function toRecord(
  { line, values }: Row,
  names: readonly (string | undefined)[],
  needed: readonly (string | undefined)[],
): FileRecord {
  // A comma at the end of each line makes one more value, which is empty.
  const length =
    values.findLastIndex((value, index) => value !== "" || names[index] !== undefined) + 1;
  const neededLength =
    names.findLastIndex((name) => name !== undefined && needed.includes(name)) + 1;
  if (length > names.length || values.length < neededLength)
    return toBadRecord(line, `has ${values.length} values; expected ${names.length}`);
  const fields: Record<string, string | undefined> = {};
  for (const [index, name] of names.entries()) {
    if (name !== undefined) fields[name] = values[index] || undefined;
  }
  return { line, fields: fields as Fields };
}
