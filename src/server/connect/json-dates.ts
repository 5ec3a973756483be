import type { DescField, DescMessage } from "@bufbuild/protobuf";
import { TimestampSchema } from "@bufbuild/protobuf/wkt";
import type { Violation } from "../../domain/domain-error.js";

/**
 * Finds a Timestamp in a message's JSON whose month does not have its day. Returns undefined if there
 * is none or the text is not JSON. protobuf-es reads February 31 as March 3, so the wrong day would be
 * priced.
 */
export function findImpossibleDate(message: DescMessage, json: string): Violation | undefined {
  // Almost no message needs the parsing below.
  if (!suspicious.test(json)) return undefined;
  try {
    return findIn(message, JSON.parse(json), "");
  } catch {
    return undefined;
  }
}

/** Matches a day that its month may lack, or an escape sequence that may encode a part of one. */
const suspicious = /-(?:02-(?:29|3[01])|(?:0[469]|11)-31)T|\\u00/;

function findIn(message: DescMessage, value: unknown, path: string): Violation | undefined {
  if (message.typeName === TimestampSchema.typeName) return describeImpossible(value, path);
  if (typeof value !== "object" || value === null) return undefined;
  const fields = timestampFieldsOf(message);
  for (const [name, inner] of Object.entries(value)) {
    const field = fields.get(name);
    const found = field && findInField(field, inner, `${path}${path && "."}${field.name}`);
    if (found !== undefined) return found;
  }
  return undefined;
}

function findInField(field: DescField, value: unknown, path: string): Violation | undefined {
  const { message } = field;
  if (message === undefined) return undefined;
  if (field.fieldKind === "message") return findIn(message, value, path);
  // The field is a list or a map: searches its elements.
  for (const [key, element] of Object.entries((value ?? {}) as object)) {
    const found = findIn(message, element, `${path}[${key}]`);
    if (found !== undefined) return found;
  }
  return undefined;
}

function describeImpossible(value: unknown, field: string): Violation | undefined {
  const [, year, month, day] = /^(\d{4})-(\d\d)-(\d\d)T/.exec(String(value)) ?? [];
  return Number(day) > daysOf(Number(year), Number(month))
    ? { field, description: `is ${value}, but that month has no such day` }
    : undefined;
}

/** Returns the days of a month, and 31 for an invalid month, which protobuf-es rejects. */
function daysOf(year: number, month: number): number {
  return month < 1 || month > 12
    ? 31
    : new Date(Date.UTC(2000 + (year % 400), month, 0)).getUTCDate();
}

/** Returns the fields that are or contain Timestamps, by both of their JSON names. */
function timestampFieldsOf(message: DescMessage): ReadonlyMap<string, DescField> {
  const known = timestampFields.get(message);
  if (known !== undefined) return known;
  const fields = new Map<string, DescField>();
  for (const field of message.fields) {
    if (field.message === undefined || !hasTimestamps(field.message, new Set())) continue;
    for (const name of [field.jsonName, field.name]) fields.set(name, field);
  }
  timestampFields.set(message, fields);
  return fields;
}

const timestampFields = new WeakMap<DescMessage, ReadonlyMap<string, DescField>>();

/** Returns whether a message is or contains a Timestamp. `seen` prevents endless recursion. */
function hasTimestamps(message: DescMessage, seen: Set<DescMessage>): boolean {
  if (message.typeName === TimestampSchema.typeName) return true;
  if (seen.has(message)) return false;
  seen.add(message);
  return message.fields.some((field) => field.message && hasTimestamps(field.message, seen));
}
