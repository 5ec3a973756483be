import { invalidField } from "../../domain/domain-error.js";

/** Parses the caller's own name for a request. Any text is allowed: it is only returned. @throws DomainError */
export function parseReference(text: string): string {
  if (text.length <= maxReferenceLength) return text;
  const isTooLong = [...text.slice(0, 2 * maxReferenceLength + 2)].length > maxReferenceLength;
  if (!isTooLong) return text;
  throw invalidField("reference", `is too long: at most ${maxReferenceLength} characters`);
}

const maxReferenceLength = 255;
