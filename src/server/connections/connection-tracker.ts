import type { IncomingMessage, ServerResponse } from "node:http";
import {
  constants,
  type Http2SecureServer,
  type Http2Server,
  type ServerHttp2Session,
} from "node:http2";
import { Server, type Socket } from "node:net";
import { setImmediate as nextIteration } from "node:timers/promises";
import { drainSession } from "./graceful-goaway.js";

/** Tracks the open connections of a listener, and which of them have a running call. */
export type ConnectionTracker = {
  /** Tracks new connections of a server, including those that never complete the TLS handshake. */
  readonly watchSockets: (server: Server) => void;
  /** Tracks new HTTP/2 sessions of a server. */
  readonly watchSessions: (server: Http2Server | Http2SecureServer) => void;
  /** Records the start of an HTTP/1.1 call. */
  readonly callStarts: (request: IncomingMessage, response: ServerResponse) => void;
  /** From now on, each HTTP/1.1 response ends its connection. Those of running calls do so too. */
  readonly closeAfterResponses: () => void;
  /** Accepts the connections that wait for it, and no more. */
  readonly stopAccepting: () => Promise<void>;
  /**
   * Lets clients end their connections without losing a call: HTTP/2 clients begin their next call on
   * another connection, and HTTP/1.1 clients after their next response. Not before `stopAccepting`: they
   * would open connections while the listener closes. Resolves when all connections have ended, or after
   * `drainMs`, or as soon as all HTTP/2 clients have answered after that, at most after `graceMs`.
   */
  readonly drain: (graceMs: number) => Promise<void>;
  /**
   * Ends connections without a call. Destroys those that have sent nothing at once, and the others
   * after a delay, in which they receive the GOAWAY. Continues until all connections are closed,
   * because running calls end later.
   */
  readonly endIdleConnections: () => void;
  /** Cancels all HTTP/2 calls. Clients that still read receive the cancellation. */
  readonly cancelCalls: () => void;
  /** Destroys all remaining connections. */
  readonly destroyAll: () => void;
};

/** How long a listener that stops waits for its clients to end their connections. */
const drainMs = 300;
/** How long it waits for a client that is slow to answer, such as one on a busy machine. */
const answerMs = 2000;

/**
 * Creates a tracker. It identifies a connection by its remote address and port, which a TLS socket
 * shares with the TCP socket below it.
 */
export function trackConnections(): ConnectionTracker {
  const sockets = new Set<Socket>();
  const peersOfSessions = new Map<ServerHttp2Session, string>();
  const peersOfCalls = new Map<ServerResponse, string>();
  let state: "open" | "draining" | "closing" = "open";
  let isLastResponse = false;
  const servers: Server[] = [];
  let accepted = 0;
  const track = (socket: Socket) => {
    accepted += 1;
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  };
  const findIdle = () => {
    // A session that is closing has running calls or is already destroyed.
    const sessions = [...peersOfSessions].filter(([{ destroyed }]) => !destroyed);
    const busy = new Set([...sessions.map(([, peer]) => peer), ...peersOfCalls.values()]);
    return [...sockets].filter((socket) => !busy.has(peerOf(socket)));
  };
  /** Sessions whose client has not answered that it knows of the end. */
  const draining = new Set<ServerHttp2Session>();
  /**
   * Drains a session when its next call begins: then no response is in flight, unless the client makes
   * several calls at a time. A client may begin a call when it reads a response, and some libraries fail
   * this call if the GOAWAY follows at once. Without a call, drains the session after half of the time.
   */
  const drainBetweenCalls = (session: ServerHttp2Session, socket: Socket | undefined) => {
    const end = () => draining.delete(session);
    const drain = () => {
      clearTimeout(timer);
      session.off("stream", drain);
      drainSession(session, socket, answerMs, end);
    };
    const timer = setTimeout(drain, drainMs / 2).unref();
    draining.add(session);
    session.once("stream", drain);
    session.once("close", end);
  };
  const closeAfterResponses = () => {
    isLastResponse = true;
    for (const response of peersOfCalls.keys()) closeAfter(response);
  };
  return {
    closeAfterResponses,
    watchSockets: (server) => {
      servers.push(server);
      server.on("connection", track);
      server.on("secureConnection", track);
    },
    watchSessions: (server) => {
      server.on("session", (session) => {
        // The socket of a destroyed session cannot be read.
        if (session.destroyed) return;
        peersOfSessions.set(session, peerOf(session.socket));
        if (state === "draining") {
          const peer = peersOfSessions.get(session);
          drainBetweenCalls(
            session,
            [...sockets].find((each) => peerOf(each) === peer),
          );
        }
        if (state === "closing") session.close();
        session.once("close", () => peersOfSessions.delete(session));
      });
    },
    callStarts: (request, response) => {
      peersOfCalls.set(response, peerOf(request.socket));
      if (isLastResponse) closeAfter(response);
      response.once("close", () => peersOfCalls.delete(response));
    },
    stopAccepting: async () => {
      await acceptWaiting(() => accepted);
      // Only stops accepting: the servers of HTTP would end connections, too.
      for (const server of servers) Server.prototype.close.call(server);
    },
    drain: async (graceMs) => {
      state = "draining";
      closeAfterResponses();
      const socketsByPeer = new Map([...sockets].map((socket) => [peerOf(socket), socket]));
      for (const [session, peer] of peersOfSessions) {
        drainBetweenCalls(session, socketsByPeer.get(peer));
      }
      await untilEmpty(sockets, Math.min(drainMs, graceMs));
      await untilEmpty(draining, Math.min(answerMs, graceMs - drainMs));
    },
    endIdleConnections: () => {
      state = "closing";
      // Sends GOAWAY, and closes the session when its last stream has ended.
      for (const session of peersOfSessions.keys()) session.close();
      for (const socket of sockets) if (socket.bytesRead === 0) socket.destroy();
      destroyIdle(findIdle, () => sockets.size);
    },
    cancelCalls: () => {
      for (const session of peersOfSessions.keys()) cancel(session);
    },
    destroyAll: () => {
      for (const session of peersOfSessions.keys()) session.destroy();
      for (const socket of sockets) socket.destroy();
    },
  };
}

/**
 * Polls every 250 ms and destroys connections that were idle in two polls in a row: they have had
 * time to receive the GOAWAY and disconnect.
 */
function destroyIdle(findIdle: () => readonly Socket[], count: () => number): void {
  let idleBefore: ReadonlySet<Socket> = new Set();
  const polls = setInterval(() => {
    if (count() === 0) clearInterval(polls);
    const idle = findIdle();
    for (const socket of idle) if (idleBefore.has(socket)) socket.destroy();
    idleBefore = new Set(idle);
  }, pollMs).unref();
}

function closeAfter(response: ServerResponse): void {
  if (!response.headersSent) response.setHeader("connection", "close");
}

/**
 * Accepts the connections that wait for it. The system resets them when the listener closes. Node accepts
 * one in each iteration of the event loop, so this function waits for an iteration that accepts none.
 */
async function acceptWaiting(countAccepted: () => number): Promise<void> {
  const giveUpAt = performance.now() + acceptMs;
  // The end of this iteration. A whole one follows.
  await nextIteration();
  let before: number;
  do {
    before = countAccepted();
    await nextIteration();
  } while (countAccepted() > before && performance.now() < giveUpAt);
}

/** Resolves when a set is empty, or after `limitMs`. */
function untilEmpty(set: ReadonlySet<unknown>, limitMs: number): Promise<void> {
  if (set.size === 0) return Promise.resolve();
  return new Promise((resolve) => {
    const end = () => {
      clearInterval(polls);
      clearTimeout(timer);
      resolve();
    };
    const polls = setInterval(() => {
      if (set.size === 0) end();
    }, emptyPollMs);
    const timer = setTimeout(end, limitMs);
  });
}

function cancel(session: ServerHttp2Session): void {
  session.destroy(new Error("the grace period is over"), constants.NGHTTP2_CANCEL);
}

function peerOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}

const pollMs = 250;
const emptyPollMs = 10;
const acceptMs = 100;
