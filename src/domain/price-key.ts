import { invalidField, quote } from "./domain-error.js";

/** What a price is looked up by. Compared exactly. */
export type Key = {
  readonly chargeType: string;
  readonly provider: string;
  readonly model: string;
};

/** A provider's model, of whatever charge type. */
export type ModelKey = Omit<Key, "chargeType">;

/** @throws DomainError INVALID_FIELD */
export function parseChargeType(field: string, text: string): string {
  return parseName(field, text, /^[a-z][a-z0-9_]{0,19}$/, "[a-z][a-z0-9_]{0,19}");
}

/** @throws DomainError INVALID_FIELD */
export function parseProvider(field: string, text: string): string {
  return parseName(field, text, /^[a-z0-9][a-z0-9._-]{0,62}$/, "[a-z0-9][a-z0-9._-]{0,62}");
}

/** @throws DomainError INVALID_FIELD */
export function parseModel(field: string, text: string): string {
  return parseName(field, text, /^[\x21-\x7e]{1,255}$/, "1 to 255 visible ASCII characters");
}

/** As people and messages name a key: only the model may hold a slash, so this can be split. */
export function toKeyText(key: Key): string {
  return `${key.chargeType}/${key.provider}/${key.model}`;
}

function parseName(field: string, text: string, pattern: RegExp, allowed: string): string {
  if (text === "") throw invalidField(field, `is required: ${allowed}`);
  if (!pattern.test(text)) throw invalidField(field, `is ${quote(text)}; allowed: ${allowed}`);
  return text;
}
