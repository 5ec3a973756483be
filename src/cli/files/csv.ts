import { CsvError, parse } from "csv-parse";
import type { InputFile } from "./input-file.js";
import {
  type Columns,
  checkColumnName,
  type Fields,
  type FileRecord,
  fileError,
  maxRecordBytes,
} from "./record.js";

/** Reads CSV (RFC 4180). The first line names the columns, in any order. @throws Failure */
export async function* readCsv(inputFile: InputFile, columns: Columns): AsyncGenerator<FileRecord> {
  const parser = parse({
    bom: true,
    info: true,
    relax_column_count: true,
    skip_empty_lines: true,
    max_record_size: maxRecordBytes,
  });
  inputFile.bytes.on("error", (error) => parser.destroy(error));
  inputFile.bytes.pipe(parser);
  let names: readonly string[] | undefined;
  try {
    for await (const { info, record } of parser as AsyncIterable<Parsed>) {
      if (names === undefined) names = readNames(inputFile, info.lines, record, columns);
      else yield toRecord(info.lines, names, record);
    }
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    throw fileError(inputFile, Number(error.lines ?? 1), error.message);
  }
  if (names === undefined)
    throw fileError(inputFile, 1, "there is no line with the columns' names");
}

type Parsed = { readonly info: { readonly lines: number }; readonly record: readonly string[] };

function readNames(
  inputFile: InputFile,
  line: number,
  record: readonly string[],
  columns: Columns,
): readonly string[] {
  const names = record.map((name) => name.trim());
  const missing = columns.required.filter((name) => !names.includes(name));
  const problems = names.map((name) => checkColumnName(name, columns));
  if (missing.length > 0) problems.push(`has no column ${missing.join(", ")}`);
  if (new Set(names).size < names.length) problems.push("names a column twice");
  const problem = problems.find((each) => each !== undefined);
  if (problem !== undefined) throw fileError(inputFile, line, `the line of names ${problem}`);
  return names;
}

function toRecord(line: number, names: readonly string[], values: readonly string[]): FileRecord {
  if (values.length !== names.length) {
    return { line, problem: `has ${values.length} values; expected ${names.length}` };
  }
  const fields: Record<string, string | undefined> = {};
  for (const [index, name] of names.entries()) fields[name] = values[index] || undefined;
  return { line, fields: fields as Fields };
}
