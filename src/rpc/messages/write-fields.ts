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

export const maxReasonLength = 1000;
