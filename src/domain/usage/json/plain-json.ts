import { JsonNumber, type JsonObject, type JsonValue } from "./json-values.js";

/**
 * Parses a JSON object or list with JSON.parse, which takes a third of a scanner's time. Returns
 * undefined if the text is invalid, or if JSON.parse might lose something: the text of a number that
 * is no whole one below 2^53, a name that is there twice, or the order of names that are numbers.
 */
export function parsePlainJson(text: string, maxDepth: number): JsonValue | undefined {
  if (text.length > maxLength || otherNumber.test(text)) return undefined;
  const parsed = tryParse(text);
  if (typeof parsed !== "object" || parsed === null) return undefined;
  const converted: Converted = { names: 0, isExact: true };
  const value = convert(parsed, maxDepth, converted);
  return converted.isExact && converted.names === countNames(text) ? value : undefined;
}

type Converted = { names: number; isExact: boolean };

function tryParse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function convert(value: unknown, depthLeft: number, converted: Converted): JsonValue {
  if (typeof value === "number") {
    if (!Number.isSafeInteger(value) || Object.is(value, -0)) converted.isExact = false;
    return new JsonNumber(String(value));
  }
  if (typeof value !== "object" || value === null) return value as string | boolean | null;
  if (depthLeft === 0) {
    converted.isExact = false;
    return null;
  }
  if (Array.isArray(value)) return value.map((each) => convert(each, depthLeft - 1, converted));
  const object: JsonObject = new Map();
  const fields = value as Readonly<Record<string, unknown>>;
  for (const name of Object.keys(fields)) {
    converted.names += 1;
    if (startsWithDigit(name)) converted.isExact = false;
    object.set(name, convert(fields[name], depthLeft - 1, converted));
  }
  return object;
}

function startsWithDigit(name: string): boolean {
  const first = name.charCodeAt(0);
  return first >= zero && first <= nine;
}

/**
 * Counts the names in a valid JSON text: the quotes before a colon, except escaped ones, which are in
 * a string. It may count more, such as the quote at the start of ":", but never fewer: then a name
 * that is there twice could go unnoticed.
 */
function countNames(text: string): number {
  let count = 0;
  for (let colon = text.indexOf(":"); colon >= 0; colon = text.indexOf(":", colon + 1)) {
    let at = colon - 1;
    while (isSpace(text.charCodeAt(at))) at -= 1;
    if (text.charCodeAt(at) !== quote) continue;
    // Of two backslashes the second one may be the escaped one.
    const isEscaped =
      text.charCodeAt(at - 1) === backslash && text.charCodeAt(at - 2) !== backslash;
    if (!isEscaped) count += 1;
  }
  return count;
}

/** Whether a character is white space of JSON. */
function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;
}

/** A number with a fraction or an exponent. It may also be in a string. */
const otherNumber = /[:,[]\s*-?\d+[.eE]/;
const [quote, backslash, zero, nine] = [0x22, 0x5c, 0x30, 0x39];
/** The objects of a longer text could take too much memory before they are counted. */
const maxLength = 64 * 1024;
