import { FieldErrors } from "./field-errors.js";

type Parsers = Readonly<Record<string, () => unknown>>;
type Parsed<T extends Parsers> = { readonly [Name in keyof T]: ReturnType<T[Name]> };

/**
 * Runs every parser, so that a caller learns of all wrong fields at once.
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
