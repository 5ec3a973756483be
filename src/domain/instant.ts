import { invalidField, quote } from "./domain-error.js";

/**
 * A point in time: whole milliseconds since 1970-01-01T00:00:00Z, from the year 1 to the year 9999
 * (what a protobuf Timestamp can hold).
 */
export type Instant = number;

export const firstInstant: Instant = Date.parse("0001-01-01T00:00:00.000Z");
export const lastInstant: Instant = Date.parse("9999-12-31T23:59:59.999Z");

/** Formats an instant as RFC 3339 in UTC with milliseconds, which PostgreSQL reads too. */
export function toInstantText(instant: Instant): string {
  return new Date(instant).toISOString();
}

/**
 * Parses RFC 3339 (`2026-01-31T12:00:00Z`, any offset), or a date as its first moment in UTC. Never
 * rounds: rejects fractions of a millisecond, and days that do not exist.
 *
 * @throws DomainError INVALID_FIELD
 */
export function parseInstant(field: string, text: string): Instant {
  const parts = rfc3339.exec(text);
  const [, date = "", day] = parts ?? [];
  const instant = Date.parse(text.replace(/[zt]/g, (letter) => letter.toUpperCase()));
  // Date.parse reads the 31st of February as the 3rd of March.
  const isCalendarDate = new Date(`${date}T00:00:00Z`).getUTCDate() === Number(day);
  if (isCalendarDate && instant >= firstInstant && instant <= lastInstant) return instant;
  throw invalidField(
    field,
    `is ${quote(text)}; expected a date like 2026-01-31, or a time like 2026-01-31T12:00:00Z in whole milliseconds`,
  );
}

const rfc3339 = /^(\d{4}-\d\d-(\d\d))(?:T\d\d:\d\d:\d\d(?:\.\d{1,3})?(?:Z|[+-]\d\d:\d\d))?$/i;
