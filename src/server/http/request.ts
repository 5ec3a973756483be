import type { IncomingMessage, ServerResponse } from "node:http";
import { base64Decode } from "@bufbuild/protobuf/wire";
import { createContextValues } from "@connectrpc/connect";
import type { UniversalServerRequest } from "@connectrpc/connect/protocol";
import { universalRequestFromNodeRequest } from "@connectrpc/connect-node";
import type { Caller } from "../../domain/caller.js";
import { callerKey } from "../../rpc/call/caller-context.js";
import { abortWhenLate, readUntil } from "../connect/body-deadline.js";
import { dropLongTimeouts, malformedTimeoutReason } from "../connect/timeout-headers.js";

/** A call whose body is the bytes from a socket. */
export type HttpCall = UniversalServerRequest & { readonly body: AsyncIterable<Uint8Array> };

/**
 * Converts a request to a call for Connect, and drops a timeout longer than `longestMs`. Returns
 * undefined if the URL, which includes the host, is invalid.
 */
export function toCall(
  request: IncomingMessage,
  response: ServerResponse,
  caller: Caller,
  longestMs: number,
): HttpCall | undefined {
  try {
    const values = createContextValues().set(callerKey, caller);
    const call = universalRequestFromNodeRequest(request, response, undefined, values);
    dropLongTimeouts(call.header, longestMs);
    return { ...call, body: readBody(request, response) };
  } catch {
    return undefined;
  }
}

/**
 * Returns the call with a time limit that starts now, when its headers have arrived. The limit
 * covers both the wait for the message and the handler. `removeLimit` removes it, for a worker
 * thread that takes over the call with a limit of its own.
 */
export function limitCall(
  call: HttpCall,
  limitMs: number,
): { limited: HttpCall; removeLimit: () => void } {
  const abort = new AbortController();
  const timer = abortWhenLate(abort, limitMs);
  const onAbort = () => abort.abort(call.signal.reason);
  if (call.signal.aborted) onAbort();
  else call.signal.addEventListener("abort", onAbort, { once: true });
  return {
    limited: { ...call, signal: abort.signal, body: readUntil(call.body, abort.signal) },
    removeLimit: () => {
      clearTimeout(timer);
      call.signal.removeEventListener("abort", onAbort);
    },
  };
}

/**
 * Returns what is wrong with a call's timeout or with the message in its URL. For the latter, Connect
 * would report an internal error.
 */
export function malformedReason({ method, url, header }: HttpCall): string | undefined {
  const problem = malformedTimeoutReason(header, header.get("content-type") ?? "");
  if (problem !== undefined || method !== "GET") return problem;
  const { searchParams } = new URL(url);
  try {
    if (searchParams.get("base64") === "1") base64Decode(searchParams.get("message") ?? "");
    return undefined;
  } catch {
    return "message is not base64";
  }
}

/**
 * Reads a body as Connect does, but keeps the connection when the body is not read to its end.
 * Connect would destroy the connection, and the response with it. Sends 100 (Continue) to a client
 * that waits for it before it sends the body.
 */
async function* readBody(
  request: IncomingMessage,
  response: ServerResponse,
): AsyncGenerator<Uint8Array> {
  if (request.headers.expect !== undefined && !response.headersSent) response.writeContinue();
  try {
    yield* request.iterator({ destroyOnReturn: false });
  } finally {
    // Discards the rest over HTTP/2: Node would read no more of the connection, not even its end. Over
    // HTTP/1.1, the response does it.
    if (request.httpVersionMajor === 2) setImmediate(() => request.resume());
  }
}
