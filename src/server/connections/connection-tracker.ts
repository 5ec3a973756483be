import type { IncomingMessage, ServerResponse } from "node:http";
import {
  constants,
  type Http2SecureServer,
  type Http2Server,
  type ServerHttp2Session,
} from "node:http2";
import type { Server, Socket } from "node:net";

/** Tracks the open connections of a listener, and which of them have a running call. */
export type ConnectionTracker = {
  /** Tracks new connections of a server, including those that never complete the TLS handshake. */
  readonly watchSockets: (server: Server) => void;
  /** Tracks new HTTP/2 sessions of a server. */
  readonly watchSessions: (server: Http2Server | Http2SecureServer) => void;
  /** Records the start of an HTTP/1.1 call. */
  readonly callStarts: (request: IncomingMessage, response: ServerResponse) => void;
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

/**
 * Creates a tracker. It identifies a connection by its remote address and port, which a TLS socket
 * shares with the TCP socket below it.
 */
export function trackConnections(): ConnectionTracker {
  const sockets = new Set<Socket>();
  const peersOfSessions = new Map<ServerHttp2Session, string>();
  const peersOfCalls = new Map<ServerResponse, string>();
  let isClosing = false;
  const track = (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  };
  const findIdle = () => {
    // A session that is closing has running calls or is already destroyed.
    const sessions = [...peersOfSessions].filter(([{ destroyed }]) => !destroyed);
    const busy = new Set([...sessions.map(([, peer]) => peer), ...peersOfCalls.values()]);
    return [...sockets].filter((socket) => !busy.has(peerOf(socket)));
  };
  return {
    watchSockets: (server) => {
      server.on("connection", track);
      server.on("secureConnection", track);
    },
    watchSessions: (server) => {
      server.on("session", (session) => {
        // The socket of a destroyed session cannot be read.
        if (session.destroyed) return;
        peersOfSessions.set(session, peerOf(session.socket));
        if (isClosing) session.close();
        session.once("close", () => peersOfSessions.delete(session));
      });
    },
    callStarts: (request, response) => {
      peersOfCalls.set(response, peerOf(request.socket));
      response.once("close", () => peersOfCalls.delete(response));
    },
    endIdleConnections: () => {
      isClosing = true;
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

function cancel(session: ServerHttp2Session): void {
  session.destroy(new Error("the grace period is over"), constants.NGHTTP2_CANCEL);
}

function peerOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}

const pollMs = 250;
