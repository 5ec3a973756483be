import type { Http2SecureServer, Http2Server, ServerHttp2Session } from "node:http2";
import type { Socket } from "node:net";
import type { Logger } from "pino";
import type { ConnectionLimits } from "../../config/connection-limits.js";
import { contained } from "../../logging/contained.js";
import { patchStreamMap } from "../runtime-tuning/http2-stream-table.js";
import { drainSession } from "./graceful-goaway.js";
import type { TokenBucket } from "./token-bucket.js";
import { limitUnauthenticatedCalls, limitWastedCalls } from "./wasted-calls.js";

/** Returns options for an HTTP/2 server. Node rejects requests whose headers are too large. */
export function toHttp2Options({ maxConcurrentStreams, maxHeaderBytes }: ConnectionLimits) {
  return { settings: { maxConcurrentStreams, maxHeaderListSize: maxHeaderBytes } } as const;
}

/**
 * Returns the maximum age of a connection: `maxConnectionAgeMs` ± 10 %, so that connections do not
 * all end at the same time.
 */
export function randomMaxAgeMs({ maxConnectionAgeMs }: ConnectionLimits): number {
  return maxConnectionAgeMs * (0.9 + Math.random() * 0.2);
}

/**
 * Ends sessions that are too old or idle, after their running calls, and destroys those whose client
 * no longer responds to pings. Limits the calls that a client wastes.
 */
export function limitHttp2Sessions(
  server: Http2Server | Http2SecureServer,
  limits: ConnectionLimits,
  log: Pick<Logger, "error">,
): void {
  // Node creates the session of a socket while it handles this event. If that ever changes, no socket
  // is known, which is better than the socket of another session.
  let latest: Socket | undefined;
  const remember = (socket: Socket) => {
    latest = socket;
  };
  server.prependListener("connection", remember);
  server.prependListener("secureConnection", remember);
  const unauthenticatedCalls = limitUnauthenticatedCalls();
  const limit = (session: ServerHttp2Session) => {
    const socket = latest;
    latest = undefined;
    patchStreamMap(session);
    limitHttp2Session(session, socket, limits, unauthenticatedCalls);
  };
  server.on(
    "session",
    contained(log, "HTTP/2 session", limit, (session) => session.destroy()),
  );
}

function limitHttp2Session(
  session: ServerHttp2Session,
  socket: Socket | undefined,
  limits: ConnectionLimits,
  unauthenticatedCalls: TokenBucket,
): void {
  let lastCallAt = performance.now();
  let isExpired = false;
  const timers = new Set<NodeJS.Timeout>();
  const after = (ms: number, work: () => void) => timers.add(setTimeout(work, ms));
  const drain = () => drainSession(session, socket, limits.keepaliveTimeoutMs);
  const destroy = () => destroyConnection(session, socket);
  limitWastedCalls(session, { drain, destroy, unauthenticatedCalls });
  session.on("stream", () => {
    lastCallAt = performance.now();
    // Sends GOAWAY now, while no response is in flight. Otherwise the client may open a stream before
    // it reads the GOAWAY, and some client libraries fail that call instead of retrying it.
    if (isExpired) drain();
  });
  after(randomMaxAgeMs(limits), () => {
    isExpired = true;
    after(quietPeriodMs, drain);
    after(quietPeriodMs + limits.maxConnectionAgeGraceMs, destroy);
  });
  const checkIdle = () => {
    const remainingMs = lastCallAt + limits.maxConnectionIdleMs - performance.now();
    if (remainingMs > 0) after(remainingMs, checkIdle);
    else drain();
  };
  checkIdle();
  const stopPings = startPings(session, limits, destroy);
  session.once("close", () => {
    timers.forEach(clearTimeout);
    stopPings();
  });
}

/** After this time without a new call, GOAWAY can be sent without losing one. */
const quietPeriodMs = 1000;

/**
 * Destroys a connection and its calls. Also destroys the socket, because Node waits for ever for a
 * client that does not read.
 */
function destroyConnection(session: ServerHttp2Session, socket: Socket | undefined): void {
  session.destroy();
  setTimeout(() => socket?.destroy(), flushMs).unref();
}

/** How long written data may take to be sent. */
const flushMs = 500;

/**
 * Sends pings at an interval, and calls `onUnresponsive` when the client does not respond in time.
 * Returns a function that stops the pings.
 */
function startPings(
  session: ServerHttp2Session,
  limits: ConnectionLimits,
  onUnresponsive: () => void,
): () => void {
  let timeout: NodeJS.Timeout | undefined;
  const interval = setInterval(() => {
    if (timeout !== undefined) return;
    // Our side of the connection has ended, and the client does not end its own.
    if (session.destroyed) return onUnresponsive();
    const isSent = session.ping(() => {
      clearTimeout(timeout);
      timeout = undefined;
    });
    if (isSent) timeout = setTimeout(onUnresponsive, limits.keepaliveTimeoutMs);
  }, limits.keepaliveTimeMs);
  return () => {
    clearInterval(interval);
    clearTimeout(timeout);
  };
}
