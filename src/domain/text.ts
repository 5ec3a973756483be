import { invalidField, quote } from "./domain-error.js";

/**
 * Checks free text: no control characters except tab and line feed, and at most `maxLength`
 * characters (code points, as PostgreSQL counts them).
 *
 * @throws DomainError INVALID_FIELD
 */
export function parseText(field: string, text: string, maxLength: number): string {
  if (controlCharacters.test(text)) {
    throw invalidField(field, `is ${quote(text)}; control characters are not allowed`);
  }
  const length = [...text.slice(0, 2 * maxLength + 2)].length;
  if (length > maxLength) {
    throw invalidField(field, `is too long: at most ${maxLength} characters are allowed`);
  }
  return text;
}

/**
 * Parses a UUID of any version. Returns it in lower case.
 *
 * @throws DomainError INVALID_FIELD
 */
export function parseUuid(field: string, text: string): string {
  if (!uuid.test(text)) {
    throw invalidField(
      field,
      `is ${quote(text)}; expected a UUID like 123e4567-e89b-12d3-a456-426614174000`,
    );
  }
  return text.toLowerCase();
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters to reject.
const controlCharacters = /[\x00-\x08\x0b-\x1f\x7f]/;
const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
