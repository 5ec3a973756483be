import type { InputFile } from "./input-file.js";
import {
  type Columns,
  type FileRecord,
  maxRecordBytes,
  problemOfName,
  unreadable,
} from "./record.js";

/** Reads JSON Lines: an object a line, with the columns' names. Empty lines are left out. */
export async function* readJsonLines(
  source: InputFile,
  columns: Columns,
): AsyncGenerator<FileRecord> {
  let line = 0;
  for await (const text of linesOf(source)) {
    line += 1;
    if (text.trim() !== "") yield toRecord(line, text, columns);
  }
}

/** Not by node:readline, which also ends lines at U+2028, which JSON has in texts. */
async function* linesOf(source: InputFile): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  let line = 0;
  for await (const bytes of source.bytes as AsyncIterable<Uint8Array>) {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    line += lines.length;
    if (rest.length > maxRecordBytes) {
      throw unreadable(source, line + 1, `is longer than ${maxRecordBytes} bytes`);
    }
    yield* lines;
  }
  yield rest + decoder.decode();
}

function toRecord(line: number, text: string, columns: Columns): FileRecord {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    return { line, problem: `is no JSON: ${(error as Error).message}` };
  }
  if (typeof json !== "object" || json === null || Array.isArray(json)) {
    return { line, problem: "is no JSON object" };
  }
  const fields: Record<string, string | undefined> = {};
  for (const [name, value] of Object.entries(json)) {
    const problem = problemOfName(name, columns) ?? problemOfValue(name, value);
    if (problem !== undefined) return { line, problem };
    fields[name] = value === null || value === "" ? undefined : String(value);
  }
  return { line, fields };
}

/** A number has lost digits by the time that it is read: decimals are texts. */
function problemOfValue(name: string, value: unknown): string | undefined {
  if (value === null || typeof value === "string" || typeof value === "boolean") return undefined;
  return `has ${name} ${JSON.stringify(value)}; expected a text like "1.25"`;
}
