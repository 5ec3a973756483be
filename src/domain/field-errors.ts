import { DomainError, invalidFields, type Violation } from "./domain-error.js";

/**
 * Collects what is wrong with the fields of a request. For requests that come often: `parseAll` reads
 * better, but takes longer than all the rest of a charge.
 */
export class FieldErrors {
  #violations: Violation[] | undefined;

  /** What the parser answers. When it refuses there is no answer: ask `throwIfAny` before using one. */
  read<T>(parse: () => T): T {
    try {
      return parse();
    } catch (error) {
      if (!(error instanceof DomainError) || error.reason !== "INVALID_FIELD") throw error;
      this.#violations = [...(this.#violations ?? []), ...error.violations];
      return undefined as T;
    }
  }

  /** @throws DomainError INVALID_FIELD with every violation. */
  throwIfAny(): void {
    if (this.#violations !== undefined) throw invalidFields(this.#violations);
  }
}
