import { quote } from "../domain-error.js";
import { joinJsonPath, toJsonPath } from "./json/json-path.js";
import { type JsonObject, type JsonValue, toText } from "./json/json-values.js";
import { rawJsonError } from "./json/raw-json-error.js";
import type { UsageFormat } from "./usage.js";
import { type UsagePlace, usagePlaces } from "./usage-places.js";

/** A usage object, the object that contains it, and the path of each in the JSON. */
export type LocatedUsage = {
  readonly usage: JsonObject;
  readonly path: string;
  /** Without fields if the JSON is the usage object itself. */
  readonly response: JsonObject;
  readonly responsePath: string;
};

/**
 * Finds the usage object: the JSON itself, or in a response, or in the events of a stream.
 *
 * @throws DomainError INVALID_FIELD of `usage.raw_json`
 */
export function locateUsage(format: UsageFormat, json: JsonValue): LocatedUsage {
  if (Array.isArray(json)) return locateInEvents(format, json);
  if (!(json instanceof Map)) {
    throw reject("", `is ${toText(json)}; expected ${expectedJson}`);
  }
  if (format === "ANTHROPIC_MESSAGES") rejectUnfinished([json]);
  const located = locateInObject(format, json, "");
  if (located !== undefined) return located;
  const empty = emptyPlaceIn(format, json);
  if (empty !== undefined) throw reject(empty, "is null; expected the usage object");
  return { usage: json, path: "", response: new Map(), responsePath: "" };
}

/**
 * Finds the usage of a stream. It is cumulative, so that the last one counts, and nothing is added.
 */
function locateInEvents(format: UsageFormat, events: readonly JsonValue[]): LocatedUsage {
  const located = events.flatMap((event, i) =>
    event instanceof Map ? (locateInObject(format, event, `[${i}]`) ?? []) : [],
  );
  const last = located.at(-1);
  if (last === undefined) {
    throw reject("", `is a list of ${events.length}, none with a usage; expected ${expectedJson}`);
  }
  rejectOtherResponses(located);
  if (format === "AI_SDK") rejectSteps(located);
  const response = merge(located.map((each) => each.response));
  if (format !== "ANTHROPIC_MESSAGES") return { ...last, response };
  rejectUnfinished(events);
  // The first event has the counts of the input, later ones those that have changed.
  return { ...last, usage: merge(located.map(({ usage }) => usage)), response };
}

function locateInObject(
  format: UsageFormat,
  object: JsonObject,
  path: string,
): LocatedUsage | undefined {
  for (const place of usagePlaces[format]) {
    const holder = place.holder === "" ? object : object.get(place.holder);
    const usage = valueAt(holder, place.names);
    if (!(holder instanceof Map) || usage === undefined || usage === null) continue;
    const responsePath = place.holder === "" ? path : joinJsonPath(path, place.holder);
    const usagePath = toJsonPath(place.names, responsePath);
    if (!(usage instanceof Map)) throw reject(usagePath, `is ${toText(usage)}; expected an object`);
    return { usage, path: usagePath, response: holder, responsePath };
  }
  return undefined;
}

/** Returns the first place that is there and null, as in a response without a usage. */
function emptyPlaceIn(format: UsageFormat, object: JsonObject): string | undefined {
  const pathOf = ({ holder, names }: UsagePlace) => (holder === "" ? names : [holder, ...names]);
  const empty = usagePlaces[format].map(pathOf).find((names) => valueAt(object, names) === null);
  return empty?.join(".");
}

function valueAt(from: JsonValue | undefined, names: readonly string[]): JsonValue | undefined {
  let value = from;
  for (const name of names) value = value instanceof Map ? value.get(name) : undefined;
  return value;
}

/** Merges objects field by field: a later one overrides those before, except by null. */
function merge(objects: readonly JsonObject[]): JsonObject {
  const merged: JsonObject = new Map();
  for (const object of objects) {
    for (const [name, value] of object) if (value !== null) merged.set(name, value);
  }
  return merged;
}

/** Rejects the usages of several responses: only that of the last one would count. */
function rejectOtherResponses(located: readonly LocatedUsage[]): void {
  let first: { readonly id: string; readonly path: string } | undefined;
  for (const { response, responsePath } of located) {
    const name = idNames.find((each) => typeof response.get(each) === "string");
    const id = name === undefined ? undefined : response.get(name);
    if (name === undefined || typeof id !== "string") continue;
    const path = joinJsonPath(responsePath, name);
    first ??= { id, path };
    if (id === first.id) continue;
    const problem = `is ${quote(id)}, and ${first.path} is ${quote(first.id)}`;
    throw reject(path, `${problem}; allowed: the events of one response`);
  }
}

/** Rejects several steps of the AI SDK, which do not contain those before. */
function rejectSteps(located: readonly LocatedUsage[]): void {
  const last = located.at(-1);
  if (located.length === 1 || last?.response.has("totalUsage")) return;
  const problem = `is one of ${located.length} usages, which do not contain each other`;
  throw reject(last?.path ?? "", `${problem}; expected a totalUsage in the last part`);
}

/** Rejects a stream of Anthropic that stops before the output has been counted. */
function rejectUnfinished(events: readonly JsonValue[]): void {
  const types = events.map((event) => valueAt(event, ["type"]));
  if (!types.includes("message_start") || types.includes("message_delta")) return;
  const problem = "has an event message_start and no message_delta, which has the final counts";
  throw reject("", `${problem}; expected all events of the stream`);
}

function reject(path: string, problem: string): Error {
  return rawJsonError({ path, problem });
}

/** What the providers call the id of a response. */
const idNames = ["id", "responseId", "response_id", "item_id"];
const expectedJson = "a usage object, a response that has one, or the list of a stream's events";
