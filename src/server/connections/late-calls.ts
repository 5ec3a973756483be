import type { Http2SecureServer, Http2Server, ServerHttp2Stream } from "node:http2";
import { takeListeners } from "../../library-internals/private-fields.js";
import { recordOf } from "./client-record.js";

type StartCall = (stream: ServerHttp2Stream, ...headers: unknown[]) => void;

/**
 * Starts a call after the received bytes have been read, unless the client resets the call in them. Such
 * a call then costs little. Starts the calls of an authenticated client at once until it resets one.
 * `wrap` gets what starts calls so far, and returns what starts them from now on.
 */
export function startCallsLate(
  server: Http2Server | Http2SecureServer,
  wrap: (own: StartCall) => StartCall,
): void {
  const start = wrap(takeListeners(server, "stream"));
  server.on("stream", (stream: ServerHttp2Stream, ...headers: unknown[]) => {
    const { isAuthenticated, hasResetCalls } = recordOf(stream.session);
    if (isAuthenticated && !hasResetCalls) return start(stream, ...headers);
    // Until the call starts, nobody else would handle the error of a reset.
    stream.on("error", () => {});
    setImmediate(() => {
      if (stream.closed || stream.destroyed) return;
      start(stream, ...headers);
      // Node has already emitted the end of a request without a body.
      if (stream.readableEnded) stream.emit("end");
    });
  });
}
