import type { IncomingMessage } from "node:http";
import type { Http2Session, ServerHttp2Stream } from "node:http2";

/** What the calls of an HTTP/2 session have shown of its client. */
export type SessionConduct = {
  /** True after a call of an authenticated caller, and after any call if callers need no token. */
  isAuthenticated: boolean;
  /** True after the client has reset a call, or has reached a limit. */
  isSuspected: boolean;
};

/** Returns the conduct of a session. A session that is already destroyed gets a new one. */
export function conductOf(session: Http2Session | undefined): SessionConduct {
  const known = session && conducts.get(session);
  if (known !== undefined) return known;
  const conduct = { isAuthenticated: false, isSuspected: false };
  if (session !== undefined) conducts.set(session, conduct);
  return conduct;
}

/** Returns the stream of a request, or undefined over HTTP/1.1. */
export function streamOf(request: IncomingMessage): ServerHttp2Stream | undefined {
  return (request as { readonly stream?: ServerHttp2Stream }).stream;
}

/** Returns the conduct of a request's session, or undefined over HTTP/1.1. */
export function conductOfRequest(request: IncomingMessage): SessionConduct | undefined {
  const stream = streamOf(request);
  return stream && conductOf(stream.session);
}

const conducts = new WeakMap<Http2Session, SessionConduct>();

/**
 * Runs `serve` after the received bytes have been read, unless the client resets the call in them.
 * Such a call then costs little. For the calls of a suspected client.
 */
export function serveUnlessReset(
  stream: { readonly closed: boolean; readonly destroyed: boolean },
  serve: () => void,
): void {
  setImmediate(() => {
    if (!stream.closed && !stream.destroyed) serve();
  });
}
