import { Decimal } from "../decimal.js";
import { type RawJsonViolation, rawJsonError } from "./json/raw-json-error.js";
import type { FindingKind, UsageFinding, UsageFormat } from "./usage.js";

/** A count of a usage object, 0 or more. */
export type Count = {
  /** Where it is in the JSON, for messages. */
  readonly path: string;
  readonly value: bigint;
  /** False: the object has no such field, or null. The value is then 0. */
  readonly isStated: boolean;
};

/** The count of a field that a format does not have. */
export const noCount: Count = { path: "", value: 0n, isStated: false };

/** Collects what is invalid in a usage object, and what is not as its format promises. */
export class UsageReport {
  readonly #violations: RawJsonViolation[] = [];
  readonly #findings: UsageFinding[] = [];
  #hasUnreadable = false;
  #omitted: Omitted | undefined;

  constructor(readonly format: UsageFormat) {}

  /** The first 10 findings, and one with the number of the others. */
  get findings(): readonly UsageFinding[] {
    if (this.#omitted === undefined) return this.#findings;
    const { kind, path, count } = this.#omitted;
    const message = `${path} is the first of ${count} more findings, which are not listed`;
    return [...this.#findings, { kind, field: path, quantity: new Decimal(count), message }];
  }

  /** Adds a value that cannot be read: `problem` names the value and what is allowed. */
  rejectValue(path: string, problem: string): void {
    this.#hasUnreadable = true;
    if (this.#violations.length < maxViolations) this.#violations.push({ path, problem });
  }

  /**
   * Adds a value that another one excludes. Values that were not read are 0, which proves nothing.
   */
  reject(path: string, problem: string): void {
    if (this.#hasUnreadable || this.#violations.length >= maxViolations) return;
    this.#violations.push({ path, problem });
  }

  /** Rejects parts that together are more than the count that contains them. */
  checkWithin(parts: readonly Count[], whole: Count): void {
    const sum = sumOf(parts);
    if (sum <= whole.value) return;
    const [first = whole, ...others] = parts.filter(({ value }) => value > 0n);
    const names = others.map(({ path, value }) => `${path} (${value})`).join(" and ");
    const together = names === "" ? "" : `, together with ${names} ${sum}`;
    const allowed = `at most ${whole.path} (${whole.value}), which contains it`;
    this.reject(first.path, `is ${first.value}${together}; allowed: ${allowed}`);
  }

  /** Finds a stated sum that is not the sum of its parts. */
  checkSum(stated: Count, parts: readonly Count[]): void {
    const sum = sumOf(parts);
    if (!stated.isStated || stated.value === sum) return;
    const names = parts.filter(({ isStated }) => isStated).map(({ path }) => path);
    this.find(
      "SUM_MISMATCH",
      stated.path,
      stated.value - sum,
      `is ${stated.value}, but ${names.join(" + ") || "what it should contain"} is ${sum}`,
    );
  }

  /** Checks the total of a usage, which proves that no part is missing or counted twice. */
  checkTotal(total: Count, parts: readonly Count[]): void {
    if (total.isStated) {
      this.checkSum(total, parts);
      return;
    }
    const sum = sumOf(parts);
    const problem = `is missing; it would prove that no token is missing beside the ${sum} here`;
    this.find("TOTAL_MISSING", total.path, sum, problem);
  }

  /** Adds a finding. `problem` is the sentence after the path. */
  find(kind: FindingKind, path: string, quantity: bigint | Decimal, problem: string): void {
    if (this.#findings.length >= maxFindings) {
      this.omit(kind, path, 1);
      return;
    }
    const message = `${path} ${problem}`;
    this.#findings.push({ kind, field: path, quantity: new Decimal(quantity), message });
  }

  /** Counts findings that are too many to list, of which this is the first. */
  omit(kind: FindingKind, path: string, count: number): void {
    this.#omitted = { kind, path, ...this.#omitted, count: (this.#omitted?.count ?? 0) + count };
  }

  /** @throws DomainError INVALID_FIELD with every violation. */
  throwIfInvalid(): void {
    if (this.#violations.length > 0) throw rawJsonError(...this.#violations);
  }
}

export function sumOf(counts: readonly Count[]): bigint {
  let sum = 0n;
  for (const { value } of counts) if (value !== 0n) sum += value;
  return sum;
}

type Omitted = { readonly kind: FindingKind; readonly path: string; readonly count: number };

/** More would not fit into the trailers of an error. */
const maxViolations = 20;
const maxFindings = 10;
