import type { IncomingMessage, ServerResponse } from "node:http";
import {
  constants,
  type Http2SecureServer,
  type Http2Server,
  type ServerHttp2Session,
} from "node:http2";
import type { Server, Socket } from "node:net";

/** The connections of a door that are open, and which of them have a call under way. */
export type ConnectionTracker = {
  /** Keeps those of a server from now on: those that never come to the end of a handshake as well. */
  readonly watchSockets: (server: Server) => void;
  /** Keeps those over HTTP/2. */
  readonly watchSessions: (server: Http2Server | Http2SecureServer) => void;
  /** Is told of each call over HTTP/1.1. */
  readonly callStarts: (request: IncomingMessage, response: ServerResponse) => void;
  /**
   * Ends those without a call: at once those that have said nothing, the others after a while, in
   * which they hear of it. Goes on with those whose calls end, until all have gone.
   */
  readonly endIdleConnections: () => void;
  /** Cancels all calls over HTTP/2, which who reads hears of. */
  readonly cancelCalls: () => void;
  /** Cuts off all that are left. */
  readonly destroyAll: () => void;
};

/** A socket and what speaks TLS over it are one connection, and have the same other end. */
export function trackConnections(): ConnectionTracker {
  const sockets = new Set<Socket>();
  const peersOfSessions = new Map<ServerHttp2Session, string>();
  const peersOfCalls = new Map<ServerResponse, string>();
  let isEnding = false;
  const keep = (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  };
  const findIdle = () => {
    // A session that is to close has calls, or is destroyed.
    const sessions = [...peersOfSessions].filter(([{ destroyed }]) => !destroyed);
    const busy = new Set([...sessions.map(([, peer]) => peer), ...peersOfCalls.values()]);
    return [...sockets].filter((socket) => !busy.has(peerOf(socket)));
  };
  return {
    watchSockets: (server) => {
      server.on("connection", keep);
      server.on("secureConnection", keep);
    },
    watchSessions: (server) => {
      server.on("session", (session) => {
        // Of one that has ended already, the socket cannot be asked for.
        if (session.destroyed) return;
        peersOfSessions.set(session, peerOf(session.socket));
        if (isEnding) session.close();
        session.once("close", () => peersOfSessions.delete(session));
      });
    },
    callStarts: (request, response) => {
      peersOfCalls.set(response, peerOf(request.socket));
      response.once("close", () => peersOfCalls.delete(response));
    },
    endIdleConnections: () => {
      isEnding = true;
      // Says GOAWAY, and ends the connection when the last stream has ended.
      for (const session of peersOfSessions.keys()) session.close();
      for (const socket of sockets) if (socket.bytesRead === 0) socket.destroy();
      endIdle(findIdle, () => sockets.size);
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

/** Looks again and again: who is idle twice running has had the time to hear of the end, and to go. */
function endIdle(findIdle: () => readonly Socket[], count: () => number): void {
  let idleBefore: ReadonlySet<Socket> = new Set();
  const looks = setInterval(() => {
    if (count() === 0) clearInterval(looks);
    const idle = findIdle();
    for (const socket of idle) if (idleBefore.has(socket)) socket.destroy();
    idleBefore = new Set(idle);
  }, pollMs).unref();
}

function cancel(session: ServerHttp2Session): void {
  session.destroy(new Error("the time of grace is over"), constants.NGHTTP2_CANCEL);
}

function peerOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}

const pollMs = 250;
