import {
  type DescEnum,
  type DescField,
  type DescMessage,
  fromJson,
  type JsonValue,
  ScalarType,
} from "@bufbuild/protobuf";
import { TimestampSchema } from "@bufbuild/protobuf/wkt";
import { distance } from "fastest-levenshtein";
import { quote, type Violation } from "../../domain/domain-error.js";

/**
 * Finds every field for which protobuf-es does not read a message's JSON. Asks protobuf-es itself about
 * each field alone, so that the two agree. Returns nothing if the text is no JSON object. It is slow, and
 * meant for messages that protobuf-es has rejected.
 */
export function explainJson(message: DescMessage, json: string): readonly Violation[] {
  const violations: Violation[] = [];
  try {
    addProblems(message, JSON.parse(json), "", violations);
  } catch {
    // The text is no JSON, or is nested too deeply.
  }
  return violations;
}

function addProblems(
  message: DescMessage,
  value: JsonValue,
  path: string,
  violations: Violation[],
): void {
  if (!isObject(value)) return;
  for (const [key, inner] of Object.entries(value)) {
    if (violations.length >= maxViolations) return;
    const field = message.fields.find((each) => each.name === key || each.jsonName === key);
    if (field === undefined) {
      violations.push({
        field: join(path, shorten(key)),
        description: describeUnknown(message, key),
      });
    } else if (!isReadable(message, key, inner)) {
      addFieldProblems(field, inner, join(path, field.name), violations);
    }
  }
}

function addFieldProblems(
  field: DescField,
  value: JsonValue,
  path: string,
  violations: Violation[],
): void {
  if (field.fieldKind !== "list" || !Array.isArray(value)) {
    addValueProblems(field, value, path, violations);
    return;
  }
  for (const [index, element] of value.entries()) {
    if (violations.length >= maxViolations) return;
    const isElementReadable = isReadable(field.parent, field.name, [element]);
    if (!isElementReadable) addValueProblems(field, element, `${path}[${index}]`, violations);
  }
}

/** Adds the problems of a value of a field, or of one element of its list. */
function addValueProblems(
  field: DescField,
  value: JsonValue,
  path: string,
  violations: Violation[],
): void {
  const before = violations.length;
  const isMessage = field.message !== undefined && field.message !== TimestampSchema;
  if (field.message !== undefined && isMessage && field.fieldKind !== "map")
    addProblems(field.message, value, path, violations);
  if (violations.length === before)
    violations.push({ field: path, description: describeWrong(field, value) });
}

function isReadable(message: DescMessage, key: string, value: JsonValue): boolean {
  try {
    fromJson(message, { [key]: value }, { ignoreUnknownFields: false });
    return true;
  } catch {
    return false;
  }
}

function describeWrong(field: DescField, value: JsonValue): string {
  const text = typeof value === "string" ? quote(value) : shorten(JSON.stringify(value));
  return `is ${text}; expected ${expectedOf(field, value)}`;
}

function expectedOf(field: DescField, value: JsonValue): string {
  if (field.fieldKind === "map") return "an object";
  if (field.fieldKind === "list" && !Array.isArray(value)) return "a list";
  if (field.message === TimestampSchema) return 'a time like "2026-01-31T12:00:00Z"';
  if (field.message !== undefined) return "an object";
  if (field.enum !== undefined) return `one of ${namesOf(field.enum)}`;
  switch (field.scalar) {
    case ScalarType.STRING:
      return typeof value === "number"
        ? `a string, in quotes: "${value}" as a number may already have lost digits`
        : "a string";
    case ScalarType.BOOL:
      return "true or false";
    default:
      return "a whole number";
  }
}

function namesOf({ values }: DescEnum): string {
  return values.map(({ name }) => name).join(", ");
}

function describeUnknown(message: DescMessage, key: string): string {
  const lower = key.toLowerCase();
  const names = message.fields
    .map(({ name }) => ({ name, edits: distance(lower, name) - (name.includes(lower) ? 100 : 0) }))
    .sort((a, b) => a.edits - b.edits)
    .map(({ name }) => name);
  if (names.length === 0) return "is unknown; there are no fields";
  return `is unknown; the fields are, the nearest first: ${names.join(", ")}`;
}

function join(path: string, name: string): string {
  return path === "" ? name : `${path}.${name}`;
}

function shorten(text: string): string {
  if (text.length <= 80) return text;
  // Half of a surrogate pair is no text.
  return `${text.slice(0, 77).replace(/[\ud800-\udbff]$/, "")}...`;
}

function isObject(value: JsonValue): value is { [key: string]: JsonValue } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** More would not fit into the trailers of an error. */
const maxViolations = 20;
