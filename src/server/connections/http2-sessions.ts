import type { Http2SecureServer, Http2Server, ServerHttp2Session } from "node:http2";
import type { Socket } from "node:net";
import type { Logger } from "pino";
import type { ConnectionLimits } from "../../config/connection-limits.js";
import { contained } from "../../logging/contained.js";
import { patchStreamMap } from "../runtime-tuning/http2-stream-table.js";
import { drainSession } from "./graceful-goaway.js";

/** Settings and options for a server of HTTP/2. What has too many headers is refused by Node. */
export function toHttp2Options({ maxConcurrentStreams, maxHeaderBytes }: ConnectionLimits) {
  return { settings: { maxConcurrentStreams, maxHeaderListSize: maxHeaderBytes } } as const;
}

/** A connection's age at which it is to end. */
export function ageOf({ maxConnectionAgeMs }: ConnectionLimits): number {
  return maxConnectionAgeMs * (0.9 + Math.random() * 0.2);
}

/** Has the connections of a server end in time, calls under way first, and finds those that are dead. */
export function limitHttp2Sessions(
  server: Http2Server | Http2SecureServer,
  limits: ConnectionLimits,
  log: Pick<Logger, "error">,
): void {
  // The session of a socket is made while this event is handled. If it ever is not, no socket is
  // known: better than that of another.
  let latest: Socket | undefined;
  const remember = (socket: Socket) => {
    latest = socket;
  };
  server.prependListener("connection", remember);
  server.prependListener("secureConnection", remember);
  const limit = (session: ServerHttp2Session) => {
    const socket = latest;
    latest = undefined;
    patchStreamMap(session);
    limitHttp2Session(session, socket, limits);
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
): void {
  let lastCallAt = performance.now();
  let isDue = false;
  const timers = new Set<NodeJS.Timeout>();
  const after = (ms: number, work: () => void) => timers.add(setTimeout(work, ms));
  const end = () => drainSession(session, socket, limits.keepaliveTimeoutMs);
  session.on("stream", () => {
    lastCallAt = performance.now();
    // Now no answer is on its way with the news, which might have the client begin a call before it
    // has read them: what its library would then refuse is lost to it.
    if (isDue) end();
  });
  after(ageOf(limits), () => {
    isDue = true;
    after(quietMs, end);
    after(quietMs + limits.maxConnectionAgeGraceMs, () => destroyConnection(session, socket));
  });
  const checkIdle = () => {
    const leftMs = lastCallAt + limits.maxConnectionIdleMs - performance.now();
    if (leftMs > 0) after(leftMs, checkIdle);
    else end();
  };
  checkIdle();
  const stopPings = ping(session, limits, () => destroyConnection(session, socket));
  session.once("close", () => {
    timers.forEach(clearTimeout);
    stopPings();
  });
}

/** A connection that has had no new call for so long has none to lose. */
const quietMs = 1000;

/** Ends a connection now, calls and all: Node would wait for ever for one who does not read. */
function destroyConnection(session: ServerHttp2Session, socket: Socket | undefined): void {
  session.destroy();
  setTimeout(() => socket?.destroy(), flushMs).unref();
}

/** How long what has been written may take to get out. */
const flushMs = 500;

/** Asks the other side whether it lives, again and again; `onUnresponsive` is called when it does not say. */
function ping(
  session: ServerHttp2Session,
  limits: ConnectionLimits,
  onUnresponsive: () => void,
): () => void {
  let timeout: NodeJS.Timeout | undefined;
  const pings = setInterval(() => {
    if (timeout !== undefined || session.destroyed) return;
    const isSent = session.ping(() => {
      clearTimeout(timeout);
      timeout = undefined;
    });
    if (isSent) timeout = setTimeout(onUnresponsive, limits.keepaliveTimeoutMs);
  }, limits.keepaliveTimeMs);
  return () => {
    clearInterval(pings);
    clearTimeout(timeout);
  };
}
