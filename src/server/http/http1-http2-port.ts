import { createServer, type RequestListener, type Server, type ServerOptions } from "node:http";
import { createServer as createHttp2Server, type Http2Server } from "node:http2";
import { createServer as createHttpsServer } from "node:https";
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import type { Logger } from "pino";
import type { ConnectionLimits } from "../../config/connection-limits.js";
import { findOwnListener } from "../../library-internals/private-fields.js";
import { contained } from "../../logging/contained.js";
import { trackConnections } from "../connections/connection-tracker.js";
import { isOld, limitAge, toHttp1Options } from "../connections/http1-sockets.js";
import { limitHttp2Sessions, toHttp2Options } from "../connections/http2-sessions.js";
import type { Tls } from "../tls/tls.js";

/** A server that speaks HTTP/1.1 and, to those who know that it does, HTTP/2, on one port. */
export type HttpServer = {
  readonly server: Server;
  /** Lets the calls at work end within the time of grace, and cuts off the rest. */
  readonly close: (graceMs: number) => Promise<void>;
};

/**
 * Node has a server for each version. With TLS, the handshake tells which one a caller speaks (ALPN);
 * without, a connection's first bytes do: those of HTTP/2 are fixed (RFC 9113, section 3.4), and no
 * request of HTTP/1.1 begins like them.
 */
export function createHttpServer(
  listener: RequestListener,
  limits: ConnectionLimits,
  maxRequestMs: number,
  log: Pick<Logger, "error">,
  tls?: Tls,
): HttpServer {
  let isClosing = false;
  const open = trackConnections();
  const options = toHttp1Options(limits, maxRequestMs);
  const answer: RequestListener = (request, response) => {
    open.callStarts(request, response);
    // A connection that is kept alive would go on with its next call.
    if (isClosing || isOld(request.socket)) response.setHeader("connection", "close");
    listener(request, response);
  };
  const drop: RequestListener = (_, response) => response.destroy();
  const server = createHttp1Server(options, tls, contained(log, "HTTP/1.1 request", answer, drop));
  server.maxConnections = limits.maxConnections;
  const http2 = createHttp2Server(
    toHttp2Options(limits),
    // Node gives such listeners requests that look like those of HTTP/1.1.
    contained(log, "HTTP/2 request", listener, drop) as never,
  );
  limitHttp2Sessions(http2, limits, log);
  shareConnections(server, http2, limits, log, tls !== undefined);
  open.watchSockets(server);
  open.watchSessions(http2);
  return {
    server,
    close: (graceMs) =>
      new Promise((resolve) => {
        isClosing = true;
        // Those that were at work a moment ago become idle, and nobody would tell.
        const sweep = setInterval(() => server.closeIdleConnections(), 20);
        const timer = setTimeout(open.destroyAll, graceMs);
        server.close(() => {
          clearTimeout(timer);
          clearInterval(sweep);
          resolve();
        });
        open.endIdleConnections();
      }),
  };
}

function createHttp1Server(
  options: ServerOptions,
  tls: Tls | undefined,
  listener: RequestListener,
): Server {
  if (tls === undefined) return createServer(options, listener);
  const ALPNProtocols = ["h2", "http/1.1"];
  const server = createHttpsServer(
    { ...options, ...tls.server, ...tls.context(), ALPNProtocols },
    listener,
  );
  tls.onContext((context) => server.setSecureContext(context));
  return server;
}

/** Has the connections of one server go to that of their version. */
function shareConnections(
  server: Server,
  http2: Http2Server,
  limits: ConnectionLimits,
  log: Pick<Logger, "error">,
  isEncrypted: boolean,
): void {
  const event = isEncrypted ? "secureConnection" : "connection";
  // The server's own way to take a connection comes to those that it is meant for.
  const listen = findOwnListener(server, event);
  if (listen === undefined) throw new Error(`Node.js lacks the only '${event}' listener`);
  server.removeAllListeners(event);
  const takeHttp1 = (socket: Socket) => {
    limitAge(socket, limits);
    listen.call(server, socket);
    return socket;
  };
  const takeHttp2 = (socket: Socket) => {
    // HTTP/1.1 may answer those who say no more. To HTTP/2 they have gone, and it expects a socket
    // that closes by itself then.
    socket.allowHalfOpen = false;
    http2.emit("connection", socket);
  };
  const takeEncrypted = (socket: TLSSocket) => {
    if (socket.alpnProtocol === "h2") {
      // Node leaves it to us, between the handshake and the session.
      takeHttp2(socket.on("error", () => socket.destroy()));
    } else takeHttp1(socket);
  };
  const drop = (socket: Socket) => socket.destroy();
  const takePlain = (socket: Socket) => {
    const decide = contained(
      log,
      "connection",
      (isHttp2: boolean) => {
        if (isHttp2) takeHttp2(socket);
        // HTTP/2 takes what has been put back by itself.
        else takeHttp1(socket).resume();
      },
      () => drop(socket),
    );
    sniff(socket, limits.headersTimeoutMs, decide);
  };
  const take = isEncrypted ? takeEncrypted : takePlain;
  server.on(event, contained(log, "connection", take as (socket: Socket) => void, drop));
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
    for (const end of ends) socket.off(end, destroy);
    socket.off("data", read).setTimeout(0);
    // What has ended meanwhile takes nothing back.
    if (socket.readableEnded || socket.destroyed) destroy();
    else {
      socket.unshift(bytes);
      decide(isPreface);
    }
  };
  for (const end of ends) socket.on(end, destroy);
  socket.on("data", read).setTimeout(timeoutMs);
}

const ends = ["end", "error", "timeout"] as const;
const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
