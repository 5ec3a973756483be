import type { IncomingMessage, ServerResponse } from "node:http";
import { base64Decode } from "@bufbuild/protobuf/wire";
import { createContextValues } from "@connectrpc/connect";
import type { UniversalServerRequest } from "@connectrpc/connect/protocol";
import { universalRequestFromNodeRequest } from "@connectrpc/connect-node";
import type { Caller } from "../../domain/caller.js";
import { callerKey } from "../../rpc/call/caller-context.js";
import { abortWhenLate, readUntil } from "../connect/body-deadline.js";
import { dropLongTimeouts } from "../connect/timeout-headers.js";

/** A call whose body is bytes, as it comes from a socket. */
export type HttpCall = UniversalServerRequest & { readonly body: AsyncIterable<Uint8Array> };

/**
 * Makes a request a call for Connect, which takes `longestMs` at most. Undefined: the URL, of which
 * the host is a part, is none.
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
    return { ...call, body: readBody(request) };
  } catch {
    return undefined;
  }
}

/**
 * The same call, which ends when so much time has passed since its headers came, be it that Connect
 * waits for its message or a handler for anything; and how to leave that to whoever takes it over.
 */
export function limitCall(
  call: HttpCall,
  limitMs: number,
): { limited: HttpCall; lift: () => void } {
  const end = new AbortController();
  const timer = abortWhenLate(end, limitMs);
  const leave = () => end.abort(call.signal.reason);
  if (call.signal.aborted) leave();
  else call.signal.addEventListener("abort", leave, { once: true });
  return {
    limited: { ...call, signal: end.signal, body: readUntil(call.body, end.signal) },
    lift: () => {
      clearTimeout(timer);
      call.signal.removeEventListener("abort", leave);
    },
  };
}

/** What is wrong with a message in a URL, of which Connect would say that it is our fault. */
export function malformedReason({ method, url }: HttpCall): string | undefined {
  if (method !== "GET") return undefined;
  const { searchParams } = new URL(url);
  try {
    if (searchParams.get("base64") === "1") base64Decode(searchParams.get("message") ?? "");
    return undefined;
  } catch {
    return "message is not base64";
  }
}

/** As Connect's own, which destroys the connection, answer and all, when it is not read to its end. */
async function* readBody(request: IncomingMessage): AsyncGenerator<Uint8Array> {
  try {
    yield* request.iterator({ destroyOnReturn: false });
  } finally {
    // What nobody reads is in the way of the connection's next request.
    setImmediate(() => request.resume());
  }
}
