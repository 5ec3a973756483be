import { DomainError, invalidFields, type Violation } from "./errors.js";

type Parsers = Readonly<Record<string, () => unknown>>;
type Parsed<T extends Parsers> = { readonly [Name in keyof T]: ReturnType<T[Name]> };

/**
 * Runs every parser, so that a caller learns of all wrong fields at once.
 *
 * @throws DomainError INVALID_FIELD with every violation.
 */
export function parseAll<T extends Parsers>(parsers: T): Parsed<T> {
  const parsed: Record<string, unknown> = {};
  const violations: Violation[] = [];
  for (const name of Object.keys(parsers)) {
    try {
      parsed[name] = parsers[name]?.();
    } catch (error) {
      if (!(error instanceof DomainError) || error.reason !== "INVALID_FIELD") throw error;
      violations.push(...error.violations);
    }
  }
  if (violations.length > 0) throw invalidFields(violations);
  return parsed as Parsed<T>;
}
