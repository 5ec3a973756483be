import { type Timestamp, timestampFromMs, timestampMs } from "@bufbuild/protobuf/wkt";
import { parseInstant, toInstantText } from "../../domain/instant.js";

/** Parses a time of the command line or a file. @throws DomainError INVALID_FIELD */
export function parseTime(name: string, text: string): Timestamp {
  return timestampFromMs(parseInstant(name, text));
}

/** Formats a time as RFC 3339 in UTC with milliseconds. Returns undefined for undefined. */
export function toTimeText(time: Timestamp | undefined): string | undefined {
  return time && toInstantText(timestampMs(time));
}

/** Formats when a price is in effect, for example `from 2026-01-01T00:00:00.000Z`. */
export function toEffectiveText({
  effectiveFrom,
  effectiveUntil,
}: {
  readonly effectiveFrom?: Timestamp | undefined;
  readonly effectiveUntil?: Timestamp | undefined;
}): string {
  const from = `from ${toTimeText(effectiveFrom)}`;
  return effectiveUntil === undefined ? from : `${from} until ${toTimeText(effectiveUntil)}`;
}
