import { DomainError, invalidFields, type Violation } from "./domain-error.js";

/**
 * Collects the invalid fields of a request. Use it for frequent requests: `parseAll` is easier to
 * read, but takes longer than the rest of a charge calculation.
 */
export class FieldErrors {
  #violations: Violation[] | undefined;

  /**
   * Runs a parser and returns its value. Returns undefined when the parser throws INVALID_FIELD, so
   * call `throwIfAny` before you use a value.
   */
  read<T>(parse: () => T): T {
    try {
      return parse();
    } catch (error) {
      if (!(error instanceof DomainError) || error.reason !== "INVALID_FIELD") throw error;
      this.add(...error.violations);
      return undefined as T;
    }
  }

  /** @throws DomainError INVALID_FIELD with every violation. */
  throwIfAny(): void {
    if (this.#violations !== undefined) throw invalidFields(this.#violations);
  }

  /** Adds violations that were found without a parser. */
  add(...violations: readonly Violation[]): void {
    if (violations.length > 0) this.#violations = [...(this.#violations ?? []), ...violations];
  }

  /** The violations so far, in the order in which they were found. */
  get violations(): readonly Violation[] {
    return this.#violations ?? none;
  }
}

/**
 * Runs every parser, so that one error lists all invalid fields.
 *
 * @throws DomainError INVALID_FIELD with every violation.
 */
export function parseAll<T extends Parsers>(parsers: T): Parsed<T> {
  const errors = new FieldErrors();
  const parsed: Record<string, unknown> = {};
  for (const [name, parse] of Object.entries(parsers)) parsed[name] = errors.read(parse);
  errors.throwIfAny();
  return parsed as Parsed<T>;
}

const none: readonly Violation[] = [];

type Parsers = Readonly<Record<string, () => unknown>>;
type Parsed<T extends Parsers> = { readonly [Name in keyof T]: ReturnType<T[Name]> };
