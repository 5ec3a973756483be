import { Decimal, withoutNegativeZero } from "../../decimal.js";
import { quote } from "../../domain-error.js";

/** A number of a JSON text. */
export class JsonNumber {
  /** Whether a reader knows what the number is. */
  isRead = false;

  /** `text` is the number as written, since a float would change it. */
  constructor(readonly text: string) {}
}

/** A map, because a name such as `__proto__` is an ordinary one there. */
export type JsonObject = Map<string, JsonValue>;

export type JsonValue = JsonNumber | JsonObject | readonly JsonValue[] | string | boolean | null;

/**
 * Converts a number. Returns undefined if its plain notation would have more than about 200
 * digits.
 */
export function toDecimal({ text }: JsonNumber): Decimal | undefined {
  return moderate.test(text) ? withoutNegativeZero(new Decimal(text)) : undefined;
}

/** Formats a value for a message. */
export function toText(value: JsonValue): string {
  if (value instanceof JsonNumber) {
    return value.text.length <= 80 ? value.text : `${value.text.slice(0, 77)}...`;
  }
  if (typeof value === "string") return quote(value);
  if (Array.isArray(value)) return "a list";
  return value instanceof Map ? "an object" : String(value);
}

/** Some servers write the exact value of a float, which takes 60 digits and more. */
const moderate = /^-?\d{1,40}(?:\.\d{1,100})?(?:[eE][+-]?\d{1,2})?$/;
