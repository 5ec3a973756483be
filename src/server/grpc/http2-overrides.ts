import type { Http2SecureServer, Http2Server, IncomingHttpHeaders } from "node:http2";
import type * as grpc from "@grpc/grpc-js";
import type { ConnectionLimits } from "../../config/connection-limits.js";
import type { CallLog } from "../calls/call-log.js";
import { parseGrpcTimeout } from "../connect/timeout-headers.js";
import type { ConnectionTracker } from "../connections/connection-tracker.js";
import { limitHttp2Sessions, toHttp2Options } from "../connections/http2-sessions.js";
import { isGrpc, rejectUnimplemented } from "./unimplemented.js";

/** What there is to know of a server's connections and calls. */
export type GrpcServerSettings = {
  readonly limits: ConnectionLimits;
  /** The most time that any call gets. */
  readonly longestMs: number;
  /** Is to watch the connections. */
  readonly open: ConnectionTracker;
  readonly observer: CallLog;
};

/**
 * Limits what grpc-js has no options for, or no good ones: it reads a long timeout as none, its own
 * way to end old connections costs clients that do not repeat calls some of theirs, and it takes
 * headers of any size. What it does not serve it refuses without a word to anybody. To be called
 * before it is bound; what it answers, when it has been.
 *
 * Reaches for what grpc-js keeps to itself: the options, the methods and the servers of HTTP/2. Tests
 * hold all of them.
 */
export function limitGrpcServer(
  server: grpc.Server,
  { limits, longestMs, open, observer }: GrpcServerSettings,
): () => void {
  const { commonServerOptions, http2Servers, handlers } = server as unknown as GrpcInternals;
  Object.assign(commonServerOptions, toHttp2Options(limits));
  return () => {
    for (const http2 of http2Servers.keys()) {
      http2.maxConnections = limits.maxConnections;
      limitHttp2Sessions(http2, limits);
      open.watchSockets(http2);
      open.watchSessions(http2);
      const [serve] = http2.listeners("stream");
      http2.removeAllListeners("stream");
      http2.on("stream", (stream, headers) => {
        if (!isGrpc(headers) || !handlers.has(headers[":path"] ?? "")) {
          return rejectUnimplemented(stream, headers, observer);
        }
        correctTimeout(headers, longestMs);
        serve?.call(http2, stream, headers);
      });
    }
  };
}

type GrpcInternals = {
  readonly commonServerOptions: object;
  readonly http2Servers: ReadonlyMap<Http2Server | Http2SecureServer, unknown>;
  readonly handlers: ReadonlyMap<string, unknown>;
};

/** So that grpc-js refuses what is malformed, and has no timer of more milliseconds than it counts. */
function correctTimeout(headers: IncomingHttpHeaders, longestMs: number): void {
  const text = headers["grpc-timeout"];
  if (text === undefined) return;
  const timeoutMs = parseGrpcTimeout(String(text));
  if (timeoutMs === undefined) headers["grpc-timeout"] = "malformed";
  else if (timeoutMs > longestMs) delete headers["grpc-timeout"];
}
