import { create } from "@bufbuild/protobuf";
import { type Timestamp, TimestampSchema } from "@bufbuild/protobuf/wkt";
import { invalidField } from "../../domain/domain-error.js";
import { firstInstant, type Instant, lastInstant } from "../../domain/instant.js";
import { shareMessage } from "../../protobuf/shared-messages.js";

/**
 * Parses the time to read at, and truncates it to milliseconds.
 *
 * @throws DomainError INVALID_FIELD when it is not a valid protobuf Timestamp.
 */
export function parseAsOf(timestamp: Timestamp | undefined): Instant | undefined {
  return timestamp && toInstant("as_of", timestamp);
}

/**
 * Parses the time from which a price is in effect, which must be in whole milliseconds.
 *
 * @throws DomainError INVALID_FIELD
 */
export function parseEffectiveFrom(timestamp: Timestamp | undefined): Instant | undefined {
  if (timestamp === undefined) return undefined;
  const instant = toInstant("effective_from", timestamp);
  if (timestamp.nanos % 1_000_000 === 0) return instant;
  throw invalidField("effective_from", `has ${timestamp.nanos} nanos; allowed: whole milliseconds`);
}

/** Parses the same time, which must be set. @throws DomainError INVALID_FIELD */
export function parseRequiredEffectiveFrom(timestamp: Timestamp | undefined): Instant {
  const instant = parseEffectiveFrom(timestamp);
  if (instant !== undefined) return instant;
  throw invalidField("effective_from", "is required: a time in whole milliseconds");
}

/** Converts an instant. The lines of a batch share the message of theirs: nobody changes it. */
export function toTimestamp(instant: Instant): Timestamp {
  if (instant !== last.instant) last = { instant, message: shareMessage(createTimestamp(instant)) };
  return last.message;
}

function createTimestamp(instant: Instant): Timestamp {
  const seconds = Math.floor(instant / 1000);
  const nanos = (instant - seconds * 1000) * 1_000_000;
  return create(TimestampSchema, { seconds: BigInt(seconds), nanos });
}

function toInstant(field: string, { seconds, nanos }: Timestamp): Instant {
  const instant = Number(seconds) * 1000 + Math.floor(nanos / 1_000_000);
  const isValid = nanos >= 0 && nanos <= 999_999_999;
  if (isValid && instant >= firstInstant && instant <= lastInstant) return instant;
  throw invalidField(
    field,
    `is ${seconds} seconds and ${nanos} nanos; allowed: 0001-01-01T00:00:00Z to ` +
      "9999-12-31T23:59:59.999Z, with 0 to 999999999 nanos",
  );
}

let last = { instant: 0, message: createTimestamp(0) };
