import { invalidField, quote } from "../../domain/domain-error.js";
import { parseText, parseUuid } from "../../domain/text.js";

/** The fields that every write request has. */
export type WriteFields = { readonly requestId: string; readonly reason: string };

/** Returns the parsers of these fields, for `parseAll`. */
export function writeParsers(request: WriteFields) {
  return {
    requestId: () => (request.requestId === "" ? "" : parseUuid("request_id", request.requestId)),
    reason: () => parseText("reason", request.reason, maxReasonLength),
  };
}

/** The fields of a write that may correct the past. */
export type CorrectionFields = WriteFields & { readonly correctPast: boolean };

/** Returns the parsers of these fields, for `parseAll`. A correction needs a reason. */
export function correctionParsers(request: CorrectionFields) {
  const { requestId, reason } = writeParsers(request);
  return {
    requestId,
    reason: () => {
      if (request.correctPast && request.reason === "")
        throw invalidField("reason", "is required with correct_past");
      return reason();
    },
    correctPast: () => request.correctPast,
  };
}

/** Parses an etag, or no text. @throws DomainError INVALID_FIELD */
export function parseEtag(etag: string): string {
  if (/^[\x21-\x7e]{0,64}$/.test(etag)) return etag;
  throw invalidField("etag", `is ${quote(etag)}; expected the etag of a response, or none`);
}

export const maxReasonLength = 1000;
