import type { Http2Session, IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";
import { constants } from "node:http2";
import type * as grpc from "@grpc/grpc-js";
import type { Logger } from "pino";
import type { ConnectionLimits } from "../../config/connection-limits.js";
import { findHttp2Servers } from "../../library-internals/private-fields.js";
import { attempt } from "../../logging/contained.js";
import type { CallLog } from "../calls/call-log.js";
import { parseGrpcTimeout } from "../connect/timeout-headers.js";
import type { CallTurns } from "../connections/call-turns.js";
import { type ClientRecord, recordOf } from "../connections/client-record.js";
import { ConnectionPlaces, limitConnections } from "../connections/connection-places.js";
import type { ConnectionTracker } from "../connections/connection-tracker.js";
import { limitHttp2Sessions, toHttp2Options } from "../connections/http2-sessions.js";
import type { SessionQueue } from "../connections/session-queue.js";
import { startCallsInTurn } from "../connections/start-in-turn.js";
import type { RequestHeaders } from "./status-errors.js";
import { isGrpc, rejectUnimplemented } from "./unimplemented.js";

/** Settings for a server's connections and calls. */
export type GrpcServerSettings = {
  readonly limits: ConnectionLimits;
  /** The longest that any call may take. */
  readonly longestMs: number;
  /** Tracks the open connections. */
  readonly open: ConnectionTracker;
  readonly callLog: CallLog;
  readonly log: Pick<Logger, "error">;
  /** Starts the sessions of all listeners. */
  readonly queue: SessionQueue;
  /** Starts the calls of all listeners. */
  readonly turns: CallTurns;
  readonly isEncrypted: boolean;
  /** The paths of all methods that the server has. */
  readonly paths: ReadonlySet<string>;
};

/** The call that grpc-js is creating, for its interceptors. */
export type CurrentCall = {
  headers: RequestHeaders;
  session: Http2Session | undefined;
  client: ClientRecord;
};

/** For a call that has neither grpc-timeout nor grpc-encoding. */
export const defaultHeaders: RequestHeaders = { isTimeoutMalformed: false, encoding: undefined };

/**
 * Applies limits for which grpc-js has no options or unsuitable ones. grpc-js ignores long timeouts
 * and accepts headers of any size. When it closes old connections, clients that do not retry lose
 * calls. It rejects unknown methods without logging them. Must be called after the server is bound
 * and before the first connection.
 */
export function limitGrpcServer(
  server: grpc.Server,
  current: CurrentCall,
  settings: GrpcServerSettings,
): void {
  const { limits, open, queue, turns, isEncrypted, log } = settings;
  for (const http2 of findHttp2Servers(server) ?? missing("Server.http2Servers")) {
    http2.updateSettings(toHttp2Options(limits).settings);
    http2.maxConnections = limits.maxConnections;
    const places = new ConnectionPlaces(limits.maxConnections, queue);
    const event = isEncrypted ? "secureConnection" : "connection";
    const startSession = limitHttp2Sessions(http2, event, { limits, queue, places, log });
    http2.on(event, startSession);
    limitConnections(http2, places, log);
    open.watchSockets(http2);
    open.watchSessions(http2);
    startCallsInTurn(http2, turns, (serve) => toCallStart(serve as ServeCall, current, settings));
  }
}

type ServeCall = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void;

/** Returns a function that starts a call with `serve`, the function of grpc-js. */
function toCallStart(
  serve: ServeCall,
  current: CurrentCall,
  { longestMs, callLog, log, paths }: GrpcServerSettings,
) {
  const start: ServeCall = (stream, headers) => {
    try {
      if (!isGrpc(headers) || !paths.has(headers[":path"] ?? "")) {
        return rejectUnimplemented(stream, headers, callLog);
      }
      current.headers = takeHeaders(headers, longestMs);
      current.session = stream.session;
      current.client = recordOf(stream.session);
      serve(stream, headers);
    } catch (error) {
      // A failure here must end only this call.
      attempt(() => log.error({ err: error, listener: "grpc stream" }, "a listener failed"));
      stream.on("error", () => {});
      attempt(() => stream.close(constants.NGHTTP2_INTERNAL_ERROR));
    }
  };
  return start as (stream: ServerHttp2Stream, ...headers: unknown[]) => void;
}

/**
 * Returns the headers that grpc-js removes. Deletes a timeout that grpc-js would misread: one that
 * is malformed or longer than any call may take.
 */
function takeHeaders(headers: IncomingHttpHeaders, longestMs: number): RequestHeaders {
  const { "grpc-timeout": timeout, "grpc-encoding": encoding } = headers;
  if (timeout === undefined && encoding === undefined) return defaultHeaders;
  const timeoutMs = timeout === undefined ? 0 : parseGrpcTimeout(String(timeout));
  if (timeoutMs === undefined || timeoutMs > longestMs) delete headers["grpc-timeout"];
  return { isTimeoutMalformed: timeoutMs === undefined, encoding: encoding?.toString() };
}

function missing(field: string): never {
  throw new Error(`@grpc/grpc-js lacks ${field}`);
}
