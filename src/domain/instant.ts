/**
 * A point in time: whole milliseconds since 1970-01-01T00:00:00Z, from the year 1 to the year 9999
 * (what a protobuf Timestamp can hold).
 */
export type Instant = number;

export const firstInstant: Instant = Date.parse("0001-01-01T00:00:00.000Z");
export const lastInstant: Instant = Date.parse("9999-12-31T23:59:59.999Z");

/** RFC 3339 in UTC with milliseconds, as people and PostgreSQL read it. */
export function toInstantText(instant: Instant): string {
  return new Date(instant).toISOString();
}
