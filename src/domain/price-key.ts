import { invalidField, quote } from "./domain-error.js";

/** The key of a price. Keys are compared exactly. */
export type Key = {
  readonly chargeType: string;
  readonly provider: string;
  readonly model: string;
};

/** A model of a provider, without a charge type. */
export type ModelKey = Omit<Key, "chargeType">;

/** @throws DomainError INVALID_FIELD */
export function parseChargeType(field: string, text: string): string {
  return parseName(field, text, /^[a-z][a-z0-9_]{0,62}$/, "[a-z][a-z0-9_]{0,62}");
}

/** @throws DomainError INVALID_FIELD */
export function parseProvider(field: string, text: string): string {
  return parseName(field, text, /^[a-z0-9][a-z0-9._-]{0,62}$/, "[a-z0-9][a-z0-9._-]{0,62}");
}

/** @throws DomainError INVALID_FIELD */
export function parseModel(field: string, text: string): string {
  return parseName(
    field,
    text,
    /^(?=.{1,255}$)[\x21-\x7e]+(?: [\x21-\x7e]+)*$/,
    "1 to 255 visible ASCII characters, with single spaces between them",
  );
}

/** Parses the beginning of a model's name, which may end in a space. @throws DomainError INVALID_FIELD */
export function parseModelPrefix(field: string, text: string): string {
  parseModel(field, text.endsWith(" ") ? `${text}x` : text);
  return text;
}

/** Formats a key for people. Only the model may contain a slash, so the text can be split again. */
export function toKeyText(key: Key): string {
  return `${key.chargeType}/${key.provider}/${key.model}`;
}

function parseName(field: string, text: string, pattern: RegExp, allowed: string): string {
  if (text === "") throw invalidField(field, `is required: ${allowed}`);
  if (!pattern.test(text)) throw invalidField(field, `is ${quote(text)}; allowed: ${allowed}`);
  return text;
}
