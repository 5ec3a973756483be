import { type Timestamp, timestampFromMs, timestampMs } from "@bufbuild/protobuf/wkt";
import { parseInstant, toInstantText } from "../../domain/instant.js";

/** @throws DomainError INVALID_FIELD */
export function parseTime(name: string, text: string): Timestamp {
  return timestampFromMs(parseInstant(name, text));
}

/** RFC 3339 in UTC with milliseconds; undefined stays so. */
export function toTimeText(time: Timestamp | undefined): string | undefined {
  return time && toInstantText(timestampMs(time));
}
