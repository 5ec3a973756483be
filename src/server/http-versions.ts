import { createServer, type RequestListener, type Server } from "node:http";
import {
  createServer as createHttp2Server,
  type Http2Server,
  type ServerHttp2Session,
} from "node:http2";
import { createServer as createHttpsServer } from "node:https";
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import type { Tls } from "./tls.js";

/** A server that speaks HTTP/1.1 and, to those who know that it does, HTTP/2, on one port. */
export type HttpServer = {
  readonly server: Server;
  /** Takes no new calls, waits for those at work for up to `graceMs`, then cuts them off. */
  readonly close: (graceMs: number) => Promise<void>;
};

/**
 * Node has a server for each version. With TLS, the handshake tells which one a caller speaks (ALPN);
 * without, a connection's first bytes do: those of HTTP/2 are fixed (RFC 9113, section 3.4), and no
 * request of HTTP/1.1 begins like them.
 */
export function createHttpServer(listener: RequestListener, tls?: Tls): HttpServer {
  let isClosing = false;
  const server = createHttp1Server(tls, (request, response) => {
    // A connection that is kept alive would go on with its next call.
    if (isClosing) response.setHeader("connection", "close");
    listener(request, response);
  });
  const http2 = createHttp2Server({}, listener as never);
  const sessions = new Set<ServerHttp2Session>();
  http2.on("session", (session) => {
    sessions.add(session);
    session.once("close", () => sessions.delete(session));
  });
  shareConnections(server, http2, tls);
  const sockets = collectSockets(server);
  return {
    server,
    close: (graceMs) =>
      new Promise((resolve) => {
        isClosing = true;
        // Those that were at work a moment ago become idle, and nobody would tell.
        const sweep = setInterval(() => server.closeIdleConnections(), 20);
        const timer = setTimeout(() => {
          server.closeAllConnections();
          for (const session of sessions) session.destroy();
          for (const socket of sockets) socket.destroy();
        }, graceMs);
        server.close(() => {
          clearTimeout(timer);
          clearInterval(sweep);
          resolve();
        });
        // Says GOAWAY, and closes the connection when the last stream has ended.
        for (const session of sessions) session.close();
      }),
  };
}

/** Has connections come to the server of the version that they speak. */
function shareConnections(server: Server, http2: Http2Server, tls: Tls | undefined): void {
  const takeHttp2 = (socket: Socket) => http2.emit("connection", socket);
  // The server's own way to take a connection comes to those that it is meant for.
  const event = tls === undefined ? "connection" : "secureConnection";
  const [takeHttp1] = server.listeners(event);
  server.removeAllListeners(event);
  if (tls !== undefined) {
    server.on(event, (socket: TLSSocket) => {
      if (socket.alpnProtocol !== "h2") return takeHttp1?.call(server, socket);
      // Node leaves it to us, between the handshake and the session.
      return takeHttp2(socket.on("error", () => socket.destroy()));
    });
    return;
  }
  server.on(event, (socket: Socket) =>
    sniff(socket, firstBytesMs, (isHttp2) => {
      if (isHttp2) return takeHttp2(socket);
      takeHttp1?.call(server, socket);
      // HTTP/2 takes what has been put back by itself.
      return socket.resume();
    }),
  );
}

/** All that are open: those that say nothing, or never come to the end of a handshake, as well. */
function collectSockets(server: Server): ReadonlySet<Socket> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  return sockets;
}

function createHttp1Server(tls: Tls | undefined, listener: RequestListener): Server {
  if (tls === undefined) return createServer(listener);
  const ALPNProtocols = ["h2", "http/1.1"];
  const server = createHttpsServer({ ...tls.server, ...tls.context(), ALPNProtocols }, listener);
  tls.onContext((context) => server.setSecureContext(context));
  return server;
}

/** Reads as much of a connection as tells the version, and puts it back. */
function sniff(socket: Socket, timeoutMs: number, decide: (isHttp2: boolean) => unknown): void {
  let bytes = Buffer.alloc(0);
  const destroy = () => socket.destroy();
  const read = (chunk: Buffer) => {
    bytes = Buffer.concat([bytes, chunk]);
    const known = preface.subarray(0, bytes.length);
    const isPreface = bytes.subarray(0, preface.length).equals(known);
    if (isPreface && bytes.length < preface.length) return;
    socket.pause();
    socket.off("data", read).off("error", destroy).off("timeout", destroy).setTimeout(0);
    socket.unshift(bytes);
    decide(isPreface);
  };
  socket.on("data", read).on("error", destroy).on("timeout", destroy).setTimeout(timeoutMs);
}

const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
const firstBytesMs = 60_000;
