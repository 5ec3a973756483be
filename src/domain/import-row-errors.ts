import { DomainError, type Reason, type Violation } from "./domain-error.js";

/** One error of one row. */
export type RowError = {
  readonly row: number;
  readonly violation: Violation;
  /** Undefined: a field is invalid, or conflicts with the price book. */
  readonly missingName?: MissingName;
};

/** A name that is not registered in the catalog. */
export type MissingName = {
  readonly reason: Extract<
    Reason,
    "CHARGE_TYPE_NOT_FOUND" | "PROVIDER_NOT_FOUND" | "MODEL_NOT_FOUND"
  >;
  readonly metadata: Readonly<Record<string, string>>;
};

/** Collects the first errors of an import and counts its invalid rows. */
export class RowErrors {
  readonly #errors: RowError[] = [];
  #count = 0;
  #countOfMissingNames = 0;

  get count(): number {
    return this.#count;
  }

  /** Adds the errors of one row. */
  add(errors: readonly RowError[]): void {
    if (errors.length === 0) return;
    this.#count += 1;
    if (this.#errors.length < maxRowErrors) this.#errors.push(...errors);
  }

  /**
   * Adds `count` other invalid rows, and the first errors of them. `countOfMissingNames` of these
   * rows are invalid only because a name is not registered.
   */
  addAll(errors: readonly RowError[], count: number, countOfMissingNames: number): void {
    this.#count += count;
    this.#countOfMissingNames += countOfMissingNames;
    this.#errors.push(...errors);
  }

  /** @throws DomainError when there are errors. */
  throwIfAny(rows: number): void {
    if (this.#count === 0) return;
    const first = this.#errors.toSorted((a, b) => a.row - b.row).slice(0, maxRowErrors);
    const violations = first.map(({ violation }) => violation);
    const shown = violations
      .slice(0, maxInMessage)
      .map(({ field, description }) => `${field} ${description}`);
    const onlyNames = this.#countOfMissingNames === this.#count;
    const name = onlyNames ? first[0]?.missingName : undefined;
    throw new DomainError(
      name?.reason ?? "INVALID_FIELD",
      `${this.#count} of ${rows} rows are bad, nothing is imported: ${shown.join("; ")}`,
      {
        metadata: { ...name?.metadata, bad_rows: String(this.#count), rows: String(rows) },
        violations,
      },
    );
  }
}

/** The most errors in one response: more would not fit into the trailers of an error. */
export const maxRowErrors = 20;
/** The most errors in the text of the message. */
const maxInMessage = 2;
