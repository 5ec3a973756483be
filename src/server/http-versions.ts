import { createServer, type RequestListener, type Server } from "node:http";
import { createServer as createHttp2Server, type ServerHttp2Session } from "node:http2";
import type { Socket } from "node:net";
import { type ConnectionLimits, limitSessions, toHttp2Options } from "./connections.js";
import { isOld, limitAge, toHttp1Options } from "./http1-connections.js";

/** A server that speaks HTTP/1.1 and, to those who know that it does, HTTP/2, on one port. */
export type HttpServer = {
  readonly server: Server;
  /** Takes no new calls, waits for those at work for up to `graceMs`, then cuts them off. */
  readonly close: (graceMs: number) => Promise<void>;
};

/**
 * Node has a server for each version; only TLS can negotiate. Here a connection's first bytes tell:
 * those of HTTP/2 are fixed (RFC 9113, section 3.4), and no request of HTTP/1.1 begins like them.
 */
export function createHttpServer(
  listener: RequestListener,
  limits: ConnectionLimits,
  maxRequestMs: number,
): HttpServer {
  let isClosing = false;
  const server = createServer(toHttp1Options(limits, maxRequestMs), (request, response) => {
    // A connection that is kept alive would go on with its next call.
    if (isClosing || isOld(request.socket)) response.setHeader("connection", "close");
    listener(request, response);
  });
  server.maxConnections = limits.maxConnections;
  const http2 = createHttp2Server(toHttp2Options(limits), listener as never);
  limitSessions(http2, limits);
  const sessions = new Set<ServerHttp2Session>();
  http2.on("session", (session) => {
    sessions.add(session);
    session.once("close", () => sessions.delete(session));
  });
  // The server's own way to take a connection comes to those that it is meant for.
  const [takeHttp1] = server.listeners("connection");
  server.removeAllListeners("connection");
  server.on("connection", (socket: Socket) =>
    sniff(socket, limits.headersTimeoutMs, (isHttp2) => {
      if (isHttp2) {
        // A server of HTTP/1.1 leaves its side open when the other closes; a session would never end.
        socket.allowHalfOpen = false;
        return http2.emit("connection", socket);
      }
      limitAge(socket, limits);
      takeHttp1?.call(server, socket);
      // HTTP/2 takes what has been put back by itself.
      return socket.resume();
    }),
  );
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
