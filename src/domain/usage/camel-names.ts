import type { JsonObject } from "./json/json-values.js";
import type { UsageFormat } from "./usage.js";

/**
 * Returns the name that an object has for a field: the provider's own in snake case, or the one
 * that the provider's SDK makes of it in camel case. With both, the provider's own.
 */
export function nameIn(fields: JsonObject, name: string, format: UsageFormat): string {
  if (!camelFormats.has(format) || isStated(fields, name)) return name;
  const camel = toCamel(name);
  return isStated(fields, camel) ? camel : name;
}

function isStated(fields: JsonObject, name: string): boolean {
  return (fields.get(name) ?? null) !== null;
}

function toCamel(name: string): string {
  let camel = camelNames.get(name);
  if (camel === undefined) {
    camel = name.replaceAll(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
    camelNames.set(name, camel);
  }
  return camel;
}

/** All names are those of our readers, so that there are few. */
const camelNames = new Map<string, string>();

/**
 * The formats whose objects have names in camel case in an SDK: @mistralai/mistralai 2.7.0,
 * cohere-ai 8.1.0, @openrouter/sdk 1.3.19, and ProtoJSON of xai-sdk 1.21.0. Nobody else has these
 * names in these formats.
 */
const camelFormats: ReadonlySet<UsageFormat> = new Set<UsageFormat>([
  "MISTRAL",
  "COHERE",
  "OPENROUTER",
  "XAI_CHAT",
]);
