import {
  constants,
  type Http2SecureServer,
  type Http2Server,
  type ServerHttp2Session,
} from "node:http2";
import type { Socket } from "node:net";
import type { Logger } from "pino";
import type { TokenBucket } from "../../async/token-bucket.js";
import type { ConnectionLimits } from "../../config/connection-limits.js";
import { takeListeners } from "../../library-internals/private-fields.js";
import { contained } from "../../logging/contained.js";
import { patchStreamMap } from "../runtime-tuning/http2-stream-table.js";
import { type ClientRecord, setRecord } from "./client-record.js";
import type { ConnectionPlaces } from "./connection-places.js";
import { limitControlFrames } from "./control-frames.js";
import { drainSession } from "./graceful-goaway.js";
import type { SessionQueue } from "./session-queue.js";
import { limitUnauthenticatedBytes, type UnauthenticatedBytes } from "./unauthenticated-bytes.js";
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

/** Returns how long a connection may have no new call: at most 30 s before its client authenticates. */
export function maxIdleMs(
  { isAuthenticated }: ClientRecord,
  { maxConnectionIdleMs }: ConnectionLimits,
): number {
  return isAuthenticated
    ? maxConnectionIdleMs
    : Math.min(maxConnectionIdleMs, unauthenticatedIdleMs);
}

const unauthenticatedIdleMs = 30_000;

/** What all sessions of a listener share. */
export type SessionSettings = {
  readonly limits: ConnectionLimits;
  /** Starts the sessions of all listeners. */
  readonly queue: SessionQueue;
  readonly places: ConnectionPlaces;
  readonly log: Pick<Logger, "error">;
};

/**
 * Ends sessions that are too old or idle, after their running calls, and destroys those whose client
 * no longer responds to pings. Limits what a client wastes.
 *
 * Takes the server's own listeners for `event`, which create sessions. Returns the function to call with
 * each connection instead. The connection must have its place.
 */
export function limitHttp2Sessions(
  server: Http2Server | Http2SecureServer,
  event: "connection" | "secureConnection",
  settings: SessionSettings,
): (socket: Socket) => void {
  const { queue, places, log } = settings;
  const createSession = takeListeners(server, event);
  const unauthenticatedCalls = limitUnauthenticatedCalls();
  const unauthenticatedBytes = limitUnauthenticatedBytes();
  // Node creates the session of a socket while it handles the event. If that ever changes, no socket
  // is known, which is better than the socket of another session.
  let latest: Socket | undefined;
  const start = (socket: Socket) => {
    latest = socket;
    createSession(socket);
    latest = undefined;
  };
  const limit = (session: ServerHttp2Session) => {
    patchStreamMap(session);
    const record = places.recordOf(latest);
    setRecord(session, record);
    limitHttp2Session(session, latest, record, settings, {
      ...{ unauthenticatedCalls, unauthenticatedBytes },
    });
  };
  server.on(
    "session",
    contained(log, "HTTP/2 session", limit, (session) => session.destroy()),
  );
  const startContained = contained(log, "HTTP/2 connection", start, (socket) => socket.destroy());
  return (socket) =>
    queue.enter(socket, places.recordOf(socket).address, () => {
      // Bytes that have been received already cannot be read from a socket that has ended.
      if (socket.destroyed || socket.readableEnded) socket.destroy();
      else startContained(socket);
    });
}

function limitHttp2Session(
  session: ServerHttp2Session,
  socket: Socket | undefined,
  record: ClientRecord,
  { limits, queue }: SessionSettings,
  { unauthenticatedCalls, unauthenticatedBytes }: UnauthenticatedLimits,
): void {
  let lastCallAt = performance.now();
  let isExpired = false;
  let isDisconnecting = false;
  const timers = new Set<NodeJS.Timeout>();
  const after = (ms: number, work: () => void) => timers.add(setTimeout(work, ms));
  const drain = () => drainSession(session, socket, limits.keepaliveTimeoutMs);
  const destroy = () => destroyConnection(session, socket);
  const disconnect = () => {
    if (isDisconnecting) return;
    isDisconnecting = true;
    queue.recordAbuse(record.address);
    // Node aborts the process when a session is destroyed while its bytes are read.
    setImmediate(() => {
      if (session.destroyed) return;
      session.goaway(constants.NGHTTP2_ENHANCE_YOUR_CALM);
      destroy();
    });
  };
  const { addresses } = queue;
  limitWastedCalls(session, record, {
    ...{ drain, destroy, disconnect, addresses, unauthenticatedCalls },
  });
  limitControlFrames(session, record, { drain, disconnect });
  const bytes = socket && unauthenticatedBytes.watch(socket, record, disconnect);
  let hasCalls = false;
  session.on("stream", () => {
    hasCalls = true;
    lastCallAt = performance.now();
    bytes?.callStarts();
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
    const remainingMs = lastCallAt + maxIdleMs(record, limits) - performance.now();
    if (remainingMs > 0) after(remainingMs, checkIdle);
    else drain();
  };
  checkIdle();
  const stopPings = startPings(session, limits, destroy);
  session.once("close", () => {
    timers.forEach(clearTimeout);
    stopPings();
    bytes?.close();
    // A session without a call is wasted like a call. Its client may have violated HTTP/2.
    if (!hasCalls && !addresses.takeWastedCall(record.address)) queue.recordAbuse(record.address);
  });
}

type UnauthenticatedLimits = {
  readonly unauthenticatedCalls: TokenBucket;
  readonly unauthenticatedBytes: UnauthenticatedBytes;
};

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
