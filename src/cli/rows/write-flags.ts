import type { Timestamp } from "@bufbuild/protobuf/wkt";
import type { OutputFormat } from "../output/print.js";
import { parseTime } from "../output/times.js";

/** The flags of every command that writes one price. */
export type WriteFlags = {
  readonly output: OutputFormat;
  readonly effectiveFrom?: string;
  readonly reason?: string;
  readonly requestId?: string;
  readonly etag?: string;
};

/** The flags of those that may correct the past. */
export type CorrectionFlags = WriteFlags & { readonly correctPast?: boolean };

/** The fields of a write request. */
export type WriteFields = {
  readonly reason: string;
  readonly requestId: string;
  readonly etag: string;
  readonly effectiveFrom?: Timestamp;
};

/** @throws DomainError INVALID_FIELD for a time that cannot be read. */
export function toWriteFields(flags: WriteFlags): WriteFields {
  const { reason = "", requestId = "", etag = "", effectiveFrom } = flags;
  return {
    ...{ reason, requestId, etag },
    ...(effectiveFrom !== undefined && {
      effectiveFrom: parseTime("--effective-from", effectiveFrom),
    }),
  };
}
