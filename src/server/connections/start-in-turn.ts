import type {
  Http2SecureServer,
  Http2Server,
  IncomingHttpHeaders,
  ServerHttp2Stream,
} from "node:http2";
import { takeListeners } from "../../library-internals/private-fields.js";
import type { CallTurns } from "./call-turns.js";
import { recordOf } from "./client-record.js";

type StartCall = (
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  ...others: unknown[]
) => void;

/**
 * Starts each call when it is its turn, unless the client resets it before. Starts the first calls of a
 * connection after the received bytes have been read, until one is authenticated: those that the client
 * resets in the same bytes then cost little. So it does for a client that has reset one. `wrap` gets what
 * starts calls so far, and returns what starts them from now on.
 */
export function startCallsInTurn(
  server: Http2Server | Http2SecureServer,
  turns: CallTurns,
  wrap: (own: StartCall) => StartCall,
): void {
  const start = wrap(takeListeners(server, "stream") as StartCall);
  server.on("stream", (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, ...others) => {
    const record = recordOf(stream.session);
    let hasStarted = false;
    let hasWaited = false;
    const startCall = () => {
      hasStarted = true;
      start(stream, headers, ...others);
      // Node has already emitted the end of a request without a body.
      if (hasWaited && stream.readableEnded) stream.emit("end");
    };
    const isGone = () => stream.closed || stream.destroyed;
    const isLate = !record.isAuthenticated || record.hasResetCalls;
    turns.enter({ caller: record.turnOf(headers), start: startCall, isGone }, isLate);
    if (hasStarted) return;
    hasWaited = true;
    // Until the call starts, nobody else would handle the error of a reset.
    stream.on("error", () => {});
  });
}
