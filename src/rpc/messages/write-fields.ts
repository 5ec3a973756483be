import { parseText, parseUuid } from "../../domain/text.js";

/** What every write request has. */
export type WriteFields = { readonly requestId: string; readonly reason: string };
/** Parsers for what every write request has, to be run along with those of its own fields. */
export function writeParsers(request: WriteFields) {
  return {
    requestId: () => (request.requestId === "" ? "" : parseUuid("request_id", request.requestId)),
    reason: () => parseText("reason", request.reason, maxReasonLength),
  };
}

export const maxReasonLength = 1000;
