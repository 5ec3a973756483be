import { Decimal, decimalBounds } from "../decimal.js";
import { DomainError } from "../domain-error.js";
import { parseModel } from "../price-key.js";
import { nameIn } from "./camel-names.js";
import {
  JsonNumber,
  type JsonObject,
  type JsonValue,
  toDecimal,
  toText,
} from "./json/json-values.js";
import type { Count, UsageReport } from "./usage-report.js";

/**
 * An object of a usage. Reading a number marks it, so that those without a mark at the end are the
 * ones that the format does not know. Null means absent. What cannot be read is reported, and is
 * absent too.
 */
export class UsageObject {
  constructor(
    readonly fields: JsonObject,
    readonly path: string,
    readonly report: UsageReport,
  ) {}

  /** Returns whether a field is there and not null. */
  has(name: string): boolean {
    return this.get(name) !== null;
  }

  /** Returns the value of a field. */
  get(name: string): JsonValue {
    return this.fields.get(this.#nameOf(name)) ?? null;
  }

  /** Reads a whole number from 0 to below 10^18. */
  count(name: string): Count {
    const value = this.get(name);
    const path = this.pathOf(name);
    if (value === null) return { path, value: 0n, isStated: false };
    return { path, value: this.#toCount(value, path), isStated: true };
  }

  /** Reads a count that the format cannot do without. */
  required(name: string): Count {
    const count = this.count(name);
    if (!count.isStated) this.rejectMissing(name);
    return count;
  }

  /** Reads a decimal from 0 to below 10^18. */
  decimal(name: string): Decimal | undefined {
    const value = this.get(name);
    if (value === null) return undefined;
    const decimal = value instanceof JsonNumber ? toDecimal(value) : undefined;
    if (value instanceof JsonNumber) value.isRead = true;
    if (decimal?.gte(0) && decimal.lt(limit)) return decimal;
    return this.#rejectValue(name, value, "a number, 0 to below 10^18");
  }

  /** Reads seconds: a decimal of at most 18 fraction digits. */
  seconds(name: string): Decimal | undefined {
    const decimal = this.decimal(name);
    if (decimal === undefined || decimal.dp() <= maxFractionDigits) return decimal;
    this.reject(name, `has ${decimal.dp()} fraction digits; allowed: at most ${maxFractionDigits}`);
    return undefined;
  }

  /** Reads an object. An absent one has no fields. */
  object(name: string): UsageObject {
    const value = this.get(name);
    const path = this.pathOf(name);
    if (value instanceof Map) return new UsageObject(value, path, this.report);
    if (value !== null) this.#rejectValue(name, value, "an object");
    return new UsageObject(new Map(), path, this.report);
  }

  /** Reads a list of objects. An absent one is empty. */
  list(name: string): readonly UsageObject[] {
    const value = this.get(name);
    if (value === null) return [];
    if (!Array.isArray(value)) return this.#rejectValue(name, value, "a list of objects") ?? [];
    const objects: UsageObject[] = [];
    const items: readonly JsonValue[] = value;
    if (items.length > maxItems) {
      this.reject(name, `has ${items.length} items; allowed: at most ${maxItems}`);
      return objects;
    }
    for (const [i, item] of items.entries()) {
      const path = `${this.pathOf(name)}[${i}]`;
      if (item instanceof Map) objects.push(new UsageObject(item, path, this.report));
      else this.report.rejectValue(path, `is ${toText(item)}; expected an object`);
    }
    return objects;
  }

  /** Reads a text. An empty one is absent. */
  word(name: string): string | undefined {
    const value = this.get(name);
    if (value === null || value === "") return undefined;
    return typeof value === "string" ? value : this.#rejectValue(name, value, "a text");
  }

  /** Reads the name of a model. */
  model(name: string): string | undefined {
    const word = this.word(name);
    if (word === undefined) return undefined;
    try {
      return parseModel(name, word);
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
      for (const { description } of error.violations) this.reject(name, description);
      return undefined;
    }
  }

  /** Reads whether a field is true. */
  flag(name: string): boolean {
    const value = this.get(name) ?? false;
    return typeof value === "boolean"
      ? value
      : (this.#rejectValue(name, value, "true or false") ?? false);
  }

  /** Skips fields that are known and do not matter for the price, whatever is in them. */
  ignore(...names: readonly string[]): void {
    for (const name of names) {
      const value = this.get(name);
      if (value instanceof JsonNumber) value.isRead = true;
      else this.fields.delete(this.#nameOf(name));
    }
  }

  /** Reports a field that is invalid: `problem` names its value and what is allowed. */
  reject(name: string, problem: string): void {
    this.report.rejectValue(this.pathOf(name), problem);
  }

  /** Reports a field without which an object of the format cannot be read. */
  rejectMissing(name: string): void {
    const { format } = this.report;
    this.reject(
      name,
      `is missing; expected a usage of the format ${format}, which has it: check the format`,
    );
  }

  /** Formats the path of a field that a format has: a plain name. */
  pathOf(name: string): string {
    const own = this.#nameOf(name);
    return this.path === "" ? own : `${this.path}.${own}`;
  }

  #nameOf(name: string): string {
    return nameIn(this.fields, name, this.report.format);
  }

  #toCount(value: JsonValue, path: string): bigint {
    if (value instanceof JsonNumber) {
      value.isRead = true;
      if (value.text === "0") return 0n;
      if (shortWhole.test(value.text)) return BigInt(value.text);
      const decimal = toDecimal(value);
      if (decimal?.isInteger() && decimal.gte(0) && decimal.lt(limit)) {
        return BigInt(decimal.toFixed());
      }
    }
    const expected = "a whole number, 0 to below 10^18";
    this.report.rejectValue(path, `is ${toText(value)}; expected ${expected}`);
    return 0n;
  }

  #rejectValue(name: string, value: JsonValue, expected: string): undefined {
    this.reject(name, `is ${toText(value)}; expected ${expected}`);
  }
}

const limit = new Decimal("1e18");
const { maxFractionDigits } = decimalBounds.usage;
const shortWhole = /^\d{1,18}$/;
/** Real lists have a few: modalities, or the iterations of a message. */
const maxItems = 100;
