import type { InputFile } from "./input-file.js";
import {
  type Columns,
  type FileRecord,
  fileError,
  maxRecordBytes,
  nameColumns,
  type ReadOptions,
  type RowProblem,
  toBadRecord,
} from "./record.js";

/** Reads JSON Lines: one object per line, whose fields are columns. Skips empty lines. */
export async function* readJsonLines(
  inputFile: InputFile,
  columns: Columns,
  options: ReadOptions,
): AsyncGenerator<FileRecord> {
  let line = 0;
  for await (const text of linesOf(inputFile)) {
    line += 1;
    if (text.trim() !== "") yield toRecord(line, text, columns, options);
  }
}

/** Splits at \n only. node:readline also splits at U+2028, which JSON strings may contain. */
async function* linesOf(inputFile: InputFile): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  let line = 0;
  for await (const bytes of inputFile.bytes as AsyncIterable<Uint8Array>) {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    line += lines.length;
    if (rest.length > maxRecordBytes) {
      throw fileError(inputFile, line + 1, `is longer than ${maxRecordBytes} bytes`);
    }
    yield* lines;
  }
  yield rest + decoder.decode();
}

function toRecord(line: number, text: string, columns: Columns, options: ReadOptions): FileRecord {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    return toBadRecord(line, `is no JSON: ${(error as Error).message}`);
  }
  if (typeof json !== "object" || json === null || Array.isArray(json)) {
    return toBadRecord(line, "is no JSON object");
  }
  const fields: Record<string, string | undefined> = {};
  const { names, problems: unknown } = nameColumns(Object.keys(json), columns, options);
  const problems: RowProblem[] = unknown.map((description) => ({ field: "", description }));
  for (const [index, value] of Object.values(json).entries()) {
    const name = names[index];
    if (name === undefined) continue;
    if (!isText(value)) {
      const description = `is ${JSON.stringify(value)}; expected a text like "1.25"`;
      problems.push({ field: name, description });
    }
    fields[name] = value === null || value === "" ? undefined : String(value);
  }
  return problems.length > 0 ? { line, problems } : { line, fields };
}

/** Returns whether a value has a text form. Decimals must be strings: JSON.parse loses digits of numbers. */
function isText(value: unknown): boolean {
  return value === null || typeof value === "string" || typeof value === "boolean";
}
