import type {
  Http2SecureServer,
  Http2Server,
  IncomingHttpHeaders,
  ServerHttp2Stream,
} from "node:http2";
import { constants } from "node:http2";
import type * as grpc from "@grpc/grpc-js";
import type { Logger } from "pino";
import type { ConnectionLimits } from "../../config/connection-limits.js";
import { findHttp2Servers, findOwnListener } from "../../library-internals/private-fields.js";
import { attempt } from "../../logging/contained.js";
import type { CallLog } from "../calls/call-log.js";
import { parseGrpcTimeout } from "../connect/timeout-headers.js";
import type { ConnectionTracker } from "../connections/connection-tracker.js";
import { limitHttp2Sessions, toHttp2Options } from "../connections/http2-sessions.js";
import type { RequestHeaders } from "./status-errors.js";
import { isGrpc, rejectUnimplemented } from "./unimplemented.js";

/** What there is to know of a server's connections and calls. */
export type GrpcServerSettings = {
  readonly limits: ConnectionLimits;
  /** The most time that any call gets. */
  readonly longestMs: number;
  /** Is to watch the connections. */
  readonly open: ConnectionTracker;
  readonly callLog: CallLog;
  readonly log: Pick<Logger, "error">;
  /** The paths that are served. */
  readonly paths: ReadonlySet<string>;
};

/** What the headers of the call say that grpc-js is about to create, for its interceptors. */
export type CurrentHeaders = { headers: RequestHeaders };

/** Headers that say nothing. */
export const plainHeaders: RequestHeaders = { isTimeoutMalformed: false, encoding: undefined };

/**
 * Limits what grpc-js has no options for, or no good ones: it reads a long timeout as none, its own
 * way to end old connections costs clients that do not repeat calls some of theirs, and it takes
 * headers of any size. What it does not serve it refuses without a word to anybody. To be called when
 * the server is bound, before any connection comes.
 */
export function limitGrpcServer(
  server: grpc.Server,
  current: CurrentHeaders,
  settings: GrpcServerSettings,
): void {
  const { limits, open } = settings;
  for (const http2 of findHttp2Servers(server) ?? missing("Server.http2Servers")) {
    http2.updateSettings(toHttp2Options(limits).settings);
    http2.maxConnections = limits.maxConnections;
    limitHttp2Sessions(http2, limits, settings.log);
    open.watchSockets(http2);
    open.watchSessions(http2);
    passOnCalls(http2, current, settings);
  }
}

function passOnCalls(
  http2: Http2Server | Http2SecureServer,
  current: CurrentHeaders,
  { longestMs, callLog, log, paths }: GrpcServerSettings,
): void {
  const serve = findOwnListener(http2, "stream") ?? missing("its 'stream' listener");
  http2.removeAllListeners("stream");
  http2.on("stream", (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
    try {
      if (!isGrpc(headers) || !paths.has(headers[":path"] ?? "")) {
        return rejectUnimplemented(stream, headers, callLog);
      }
      current.headers = readHeaders(headers, longestMs);
      serve.call(http2, stream, headers);
    } catch (error) {
      // Of what fails here, this call alone may suffer.
      attempt(() => log.error({ err: error, listener: "grpc stream" }, "a listener failed"));
      stream.on("error", () => {});
      attempt(() => stream.close(constants.NGHTTP2_INTERNAL_ERROR));
    }
  });
}

/** Removes a timeout that grpc-js would misread: malformed, or longer than its timers take. */
function readHeaders(headers: IncomingHttpHeaders, longestMs: number): RequestHeaders {
  const { "grpc-timeout": timeout, "grpc-encoding": encoding } = headers;
  if (timeout === undefined && encoding === undefined) return plainHeaders;
  const timeoutMs = timeout === undefined ? 0 : parseGrpcTimeout(String(timeout));
  if (timeoutMs === undefined || timeoutMs > longestMs) delete headers["grpc-timeout"];
  return { isTimeoutMalformed: timeoutMs === undefined, encoding: encoding?.toString() };
}

function missing(field: string): never {
  throw new Error(`@grpc/grpc-js lacks ${field}`);
}
