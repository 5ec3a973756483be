import { DomainError, type Reason, type Violation } from "./domain-error.js";

/** Something that is wrong with a row. */
export type RowError = {
  readonly row: number;
  readonly violation: Violation;
  /** Undefined: a field of the row is bad in itself, or does not go with the book. */
  readonly missingName?: MissingName;
};

/** A name that nobody has registered. */
export type MissingName = {
  readonly reason: Extract<
    Reason,
    "CHARGE_TYPE_NOT_FOUND" | "PROVIDER_NOT_FOUND" | "MODEL_NOT_FOUND"
  >;
  readonly metadata: Readonly<Record<string, string>>;
};

/** The problems of an import: the first of them, and how many of its rows are bad. */
export class RowErrors {
  readonly #problems: RowError[] = [];
  #count = 0;
  #countForNames = 0;

  get count(): number {
    return this.#count;
  }

  /** Adds the problems of one row. */
  add(problems: readonly RowError[]): void {
    if (problems.length === 0) return;
    this.#count += 1;
    if (this.#problems.length < maxRowErrors) this.#problems.push(...problems);
  }

  /** Adds problems of other rows, of which there may be more than are told. */
  addAll(problems: readonly RowError[], count: number, countForNames: number): void {
    this.#count += count;
    this.#countForNames += countForNames;
    this.#problems.push(...problems);
  }

  /** @throws DomainError when there are any. */
  throwIfAny(rows: number): void {
    if (this.#count === 0) return;
    const first = this.#problems.toSorted((a, b) => a.row - b.row).slice(0, maxRowErrors);
    const violations = first.map(({ violation }) => violation);
    const told = violations
      .slice(0, maxInMessage)
      .map(({ field, description }) => `${field} ${description}`);
    const onlyNames = this.#countForNames === this.#count;
    const name = onlyNames ? first[0]?.missingName : undefined;
    throw new DomainError(
      name?.reason ?? "INVALID_FIELD",
      `${this.#count} of ${rows} rows are bad, nothing is imported: ${told.join("; ")}`,
      {
        metadata: { ...name?.metadata, bad_rows: String(this.#count), rows: String(rows) },
        violations,
      },
    );
  }
}

/** More would not fit into the 8 KiB of trailers that clients of gRPC take. */
export const maxRowErrors = 20;
const maxInMessage = 2;
