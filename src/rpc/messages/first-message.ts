import { DomainError, invalidField, invalidFields } from "../../domain/domain-error.js";

/**
 * Parses the terms of a request, or of a request stream, whose first message has them.
 *
 * @throws DomainError INVALID_FIELD with every violation.
 */
export function parseTerms<T, P>(
  terms: T | undefined,
  parse: (terms: T) => P,
  where = " in the first message",
): P {
  if (terms === undefined) throw invalidField("terms", `is required${where}`);
  return prefixFieldPaths("terms.", () => parse(terms));
}

/** @throws DomainError INVALID_FIELD when a message that is not the first has terms. */
export function rejectLaterTerms(terms: object | undefined): void {
  if (terms === undefined) return;
  throw invalidField("terms", "is given again; allowed: in the first message only");
}

/**
 * Parses a nested message, and prefixes the fields of its violations with the path of the message.
 *
 * @throws DomainError INVALID_FIELD with every violation.
 */
export function prefixFieldPaths<P>(path: string, parse: () => P): P {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    throw invalidFields(
      error.violations.map(({ field, description }) => ({ field: path + field, description })),
    );
  }
}
