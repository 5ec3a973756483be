import { createScanner, type JSONScanner } from "jsonc-parser";
import { quote } from "../../domain-error.js";
import { toJsonPath } from "./json-path.js";
import { JsonNumber, type JsonObject, type JsonValue } from "./json-values.js";
import { parsePlainJson } from "./plain-json.js";
import { rawJsonError } from "./raw-json-error.js";

/**
 * Parses JSON (RFC 8259), without comments and trailing commas. No object has a name twice, there
 * are at most 250,000 values, and arrays and objects are at most 64 deep.
 *
 * @throws DomainError INVALID_FIELD of `usage.raw_json`
 */
export function parseExactJson(text: string): JsonValue {
  return parsePlainJson(text, maxDepth) ?? scanExactJson(text);
}

/** Does the same for any text, without JSON.parse. @throws DomainError INVALID_FIELD of `usage.raw_json` */
export function scanExactJson(text: string): JsonValue {
  const reader = { scanner: createScanner(text, false), text, path: [], values: 0 };
  const value = readValue(reader, scan(reader), 0);
  if (scan(reader) !== token.end) throw syntaxError(reader, "nothing after the JSON value");
  return value;
}

type Reader = {
  readonly scanner: JSONScanner;
  readonly text: string;
  /** The names and indexes of the value that is read now. */
  readonly path: (string | number)[];
  /** How many values have been read. */
  values: number;
};

function readValue(reader: Reader, first: number, depth: number): JsonValue {
  reader.values += 1;
  if (reader.values > maxValues) {
    throw rawJsonError({ path: "", problem: `has more than ${maxValues} values; allowed: fewer` });
  }
  switch (first) {
    case token.openBrace:
      return readObject(reader, depth + 1);
    case token.openBracket:
      return readArray(reader, depth + 1);
    case token.number:
      return new JsonNumber(reader.scanner.getTokenValue());
    case token.string:
      return reader.scanner.getTokenValue();
    case token.null:
      return null;
    case token.true:
      return true;
    case token.false:
      return false;
    default:
      throw syntaxError(reader, "a JSON value");
  }
}

function readObject(reader: Reader, depth: number): JsonObject {
  rejectDepth(reader, depth);
  const object: JsonObject = new Map();
  let next = scan(reader);
  if (next === token.closeBrace) return object;
  for (;;) {
    if (next !== token.string) throw syntaxError(reader, "a name in double quotes");
    const name = reader.scanner.getTokenValue();
    reader.path.push(name);
    if (object.has(name)) {
      const path = toJsonPath(reader.path);
      throw rawJsonError({ path, problem: "is there twice; allowed: a name once in an object" });
    }
    if (scan(reader) !== token.colon) throw syntaxError(reader, "a colon");
    object.set(name, readValue(reader, scan(reader), depth));
    reader.path.pop();
    next = scan(reader);
    if (next === token.closeBrace) return object;
    if (next !== token.comma) throw syntaxError(reader, "a comma or }");
    next = scan(reader);
  }
}

function readArray(reader: Reader, depth: number): readonly JsonValue[] {
  rejectDepth(reader, depth);
  const array: JsonValue[] = [];
  let next = scan(reader);
  if (next === token.closeBracket) return array;
  for (;;) {
    reader.path.push(array.length);
    array.push(readValue(reader, next, depth));
    reader.path.pop();
    next = scan(reader);
    if (next === token.closeBracket) return array;
    if (next !== token.comma) throw syntaxError(reader, "a comma or ]");
    next = scan(reader);
  }
}

/** Reads the next token that is no whitespace. */
function scan(reader: Reader): number {
  let next: number;
  do next = reader.scanner.scan();
  while (next === token.space || next === token.lineBreak);
  if (reader.scanner.getTokenError() !== 0) throw syntaxError(reader, "valid JSON");
  return next;
}

/** Limits the recursion, which would otherwise exceed the stack. */
function rejectDepth({ scanner }: Reader, depth: number): void {
  if (depth <= maxDepth) return;
  const at = `at character ${scanner.getTokenOffset()}`;
  const problem = `is nested too deeply ${at}; allowed: ${maxDepth} arrays and objects`;
  throw rawJsonError({ path: "", problem });
}

function syntaxError({ scanner, text }: Reader, expected: string): Error {
  const at = scanner.getTokenOffset();
  const found = at >= text.length ? "the text ends" : `it has ${quote(text.slice(at, at + 20))}`;
  const problem = `is no JSON: ${found} at character ${at}; expected ${expected}`;
  return rawJsonError({ path: "", problem });
}

const maxDepth = 64;
/**
 * Reading them takes about 100 ms. Responses of 4 MiB have fewer, as their numbers have many
 * digits.
 */
const maxValues = 250_000;

/**
 * The tokens of jsonc-parser's `SyntaxKind`, which is a const enum: other modules cannot import it.
 */
const token = {
  openBrace: 1,
  closeBrace: 2,
  openBracket: 3,
  closeBracket: 4,
  comma: 5,
  colon: 6,
  null: 7,
  true: 8,
  false: 9,
  string: 10,
  number: 11,
  lineBreak: 14,
  space: 15,
  end: 17,
} as const;
