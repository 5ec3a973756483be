import type { Http2SecureServer, Http2Server, IncomingHttpHeaders } from "node:http2";
import type * as grpc from "@grpc/grpc-js";
import { type ConnectionLimits, limitSessions, toHttp2Options } from "./connections.js";
import type { OpenConnections } from "./open-connections.js";
import { parseGrpcTimeout } from "./timeouts.js";

/**
 * Limits what grpc-js has no options for, or no good ones: it reads a long timeout as none, its own
 * way to end old connections costs clients that do not repeat calls some of theirs, and it takes
 * headers of any size. To be called before it is bound; what it answers, when it has been.
 * `open` is to watch its connections.
 *
 * Reaches for what grpc-js keeps to itself: the options and the servers of HTTP/2. Tests hold both.
 */
export function limitGrpcServer(
  server: grpc.Server,
  limits: ConnectionLimits,
  longestMs: number,
  open: OpenConnections,
): () => void {
  const { commonServerOptions, http2Servers } = server as unknown as GrpcInternals;
  Object.assign(commonServerOptions, toHttp2Options(limits));
  return () => {
    for (const http2 of http2Servers.keys()) {
      http2.maxConnections = limits.maxConnections;
      limitSessions(http2, limits);
      open.watchSockets(http2);
      open.watchSessions(http2);
      http2.prependListener("stream", (_, headers) => correctTimeout(headers, longestMs));
    }
  };
}

type GrpcInternals = {
  readonly commonServerOptions: object;
  readonly http2Servers: ReadonlyMap<Http2Server | Http2SecureServer, unknown>;
};

/** So that grpc-js refuses what is malformed, and has no timer of more milliseconds than it counts. */
function correctTimeout(headers: IncomingHttpHeaders, longestMs: number): void {
  const text = headers["grpc-timeout"];
  if (text === undefined) return;
  const timeoutMs = parseGrpcTimeout(String(text));
  if (timeoutMs === undefined) headers["grpc-timeout"] = "malformed";
  else if (timeoutMs > longestMs) delete headers["grpc-timeout"];
}
