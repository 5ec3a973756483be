import { randomUUID } from "node:crypto";

/** Reads one header of a request. */
export type FindHeader = (name: string) => string | undefined;

export function headerFinder(headers: Headers): FindHeader {
  return (name) => headers.get(name) ?? undefined;
}

/** The header with a call's id, in requests and in failed responses. */
export const requestIdHeader = "x-request-id";

/** Returns a call's id: the client's, if it is valid, or a new one. */
export function requestIdOf(findHeader: FindHeader): string {
  const clientId = findHeader(requestIdHeader);
  return clientId !== undefined && validId.test(clientId) ? clientId : randomUUID();
}

/** Returns the trace id from the client's `traceparent` header (W3C Trace Context). */
export function traceIdOf(findHeader: FindHeader): string | undefined {
  const traceId = traceparent.exec(findHeader("traceparent") ?? "")?.[1];
  return traceId === noTrace ? undefined : traceId;
}

// Only characters that are common in ids and have no special meaning in logs and shells.
const validId = /^[A-Za-z0-9][A-Za-z0-9._:/+=@-]{0,127}$/;
const traceparent = /^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}(?:-|$)/;
const noTrace = "0".repeat(32);
