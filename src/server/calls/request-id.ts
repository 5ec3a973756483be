import { randomUUID } from "node:crypto";

/** Reads one header of a request. */
export type FindHeader = (name: string) => string | undefined;

export function headerFinder(headers: Headers): FindHeader {
  return (name) => headers.get(name) ?? undefined;
}

/** The header that has a call's id, in requests and in failures. */
export const requestIdHeader = "x-request-id";

/** What a call is called in the log: what its caller calls it, where that is fit for it, or anew. */
export function requestIdOf(findHeader: FindHeader): string {
  const given = findHeader(requestIdHeader);
  return given !== undefined && fit.test(given) ? given : randomUUID();
}

/** The trace that a caller says its call belongs to (W3C Trace Context). */
export function traceIdOf(findHeader: FindHeader): string | undefined {
  const traceId = traceparent.exec(findHeader("traceparent") ?? "")?.[1];
  return traceId === noTrace ? undefined : traceId;
}

// What ids are made of, and what no log or shell takes for anything else.
const fit = /^[A-Za-z0-9][A-Za-z0-9._:/+=@-]{0,127}$/;
const traceparent = /^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}(?:-|$)/;
const noTrace = "0".repeat(32);
