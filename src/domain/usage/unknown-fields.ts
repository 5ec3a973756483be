import { toJsonPath } from "./json/json-path.js";
import {
  JsonNumber,
  type JsonObject,
  type JsonValue,
  toDecimal,
  toText,
} from "./json/json-values.js";
import type { UsageReport } from "./usage-report.js";

/** Reports the numbers that are left in a usage object after its format has been read, except 0. */
export function reportUnknownFields(usage: JsonObject, path: string, report: UsageReport): void {
  const unknown: Unknown = { listed: [], count: 0 };
  collect(usage, [], unknown);
  for (const { steps, number } of unknown.listed) {
    reportField(toJsonPath(steps, path), number, report);
  }
  const last = unknown.listed.at(-1);
  const more = unknown.count - unknown.listed.length;
  if (last !== undefined && more > 0) {
    report.omit("UNKNOWN_FIELD", toJsonPath(last.steps, path), more);
  }
}

type Steps = readonly (string | number)[];
type Unknown = { readonly listed: { steps: Steps; number: JsonNumber }[]; count: number };

function reportField(path: string, number: JsonNumber, report: UsageReport): void {
  const quantity = toDecimal(number);
  if (quantity === undefined) {
    report.rejectValue(path, `is ${toText(number)}; expected a number of fewer digits`);
    return;
  }
  const problem = `is ${toText(number)}, a field that is unknown or has no bucket; not counted`;
  report.find("UNKNOWN_FIELD", path, quantity, problem);
}

function collect(value: JsonObject | readonly JsonValue[], steps: Steps, unknown: Unknown): void {
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) collectField(i, value[i], steps, unknown);
  } else if (value instanceof Map) {
    for (const [name, inner] of value) collectField(name, inner, steps, unknown);
  }
}

function collectField(
  step: string | number,
  value: JsonValue | undefined,
  steps: Steps,
  unknown: Unknown,
): void {
  if (value instanceof JsonNumber) {
    if (value.isRead || zero.test(value.text)) return;
    unknown.count += 1;
    if (unknown.listed.length >= maxListed) return;
    unknown.listed.push({ steps: [...steps, step], number: value });
  } else if (typeof value === "object" && value !== null) {
    collect(value, [...steps, step], unknown);
  }
}

const zero = /^-?[0.]+(?:[eE]|$)/;
/** More than a report lists. */
const maxListed = 20;
