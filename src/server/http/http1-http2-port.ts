import { createServer, type RequestListener, type Server, type ServerResponse } from "node:http";
import { createServer as createHttp2Server } from "node:http2";
import { createServer as createHttpsServer } from "node:https";
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import type { Logger } from "pino";
import type { ConnectionLimits } from "../../config/connection-limits.js";
import { takeListeners } from "../../library-internals/private-fields.js";
import { contained } from "../../logging/contained.js";
import { CallTurns } from "../connections/call-turns.js";
import { recordOf, setRecord } from "../connections/client-record.js";
import { ConnectionPlaces, limitConnections } from "../connections/connection-places.js";
import { trackConnections } from "../connections/connection-tracker.js";
import { handleHttp1 } from "../connections/handle-http1.js";
import {
  type Http1Options,
  hasReachedMaxAge,
  limitAge,
  toHttp1Options,
} from "../connections/http1-sockets.js";
import {
  limitHttp2Sessions,
  maxIdleMs,
  type SessionSettings,
  toHttp2Options,
} from "../connections/http2-sessions.js";
import { SessionQueue } from "../connections/session-queue.js";
import { startCallsInTurn } from "../connections/start-in-turn.js";
import type { Tls } from "../tls/tls.js";

/** A server for HTTP/1.1 and HTTP/2 on one port. HTTP/2 without TLS requires prior knowledge. */
export type HttpServer = {
  readonly server: Server;
  /** From now on, each HTTP/1.1 response ends its connection. */
  readonly closeAfterResponses: () => void;
  /** Accepts the connections that wait for it, and no more. */
  readonly stopAccepting: () => Promise<void>;
  /** Waits up to `graceMs` for running calls, then destroys the remaining connections. */
  readonly close: (graceMs: number) => Promise<void>;
};

/**
 * Creates a server that contains a Node server for each version. With TLS, the handshake (ALPN)
 * selects the version. Without TLS, the first bytes of a connection do: those of HTTP/2 are fixed
 * (RFC 9113, section 3.4), and no HTTP/1.1 request begins with them.
 */
export function createHttpServer(
  listener: RequestListener,
  limits: ConnectionLimits,
  maxRequestMs: number,
  log: Pick<Logger, "error">,
  { queue, turns } = { queue: new SessionQueue(), turns: new CallTurns() },
  tls?: Tls,
): HttpServer {
  const connections = trackConnections();
  const options = toHttp1Options(limits, maxRequestMs);
  const limitIdle = (socket: Socket, response: ServerResponse) => {
    const record = recordOf(socket);
    if (record.isAuthenticated) return;
    // Runs after Node's own listener, which sets a timeout if the connection is idle now.
    response.once("finish", () => {
      if (socket.timeout) socket.setTimeout(maxIdleMs(record, limits));
    });
  };
  const serve: RequestListener = (request, response) => {
    connections.callStarts(request, response);
    // Otherwise a keep-alive connection would accept another call.
    if (hasReachedMaxAge(request.socket)) response.setHeader("connection", "close");
    limitIdle(request.socket, response);
    const record = recordOf(request.socket);
    const call = {
      caller: record.turnOf(request.headers),
      start: () => serveContained(request, response),
      isGone: () => response.destroyed,
    };
    turns.enter(call, !record.isAuthenticated);
  };
  const drop: RequestListener = (_, response) => response.destroy();
  const serveContained = contained(log, "HTTP/1.1 request", listener, drop);
  const server = createHttp1Server(options, tls);
  handleHttp1(server, contained(log, "HTTP/1.1 request", serve, drop));
  server.maxConnections = limits.maxConnections;
  // Node calls the listener with requests that have the interface of HTTP/1.1 requests.
  const serveBoth = contained(log, "HTTP/2 request", listener, drop) as never;
  const http2 = createHttp2Server(toHttp2Options(limits), serveBoth);
  http2.on("checkContinue", serveBoth);
  startCallsInTurn(http2, turns, (start) =>
    contained(log, "HTTP/2 stream", start, (stream) => stream.destroy()),
  );
  const places = new ConnectionPlaces(limits.maxConnections, queue);
  const settings = { limits, queue, places, log };
  const startSession = limitHttp2Sessions(http2, "connection", settings);
  routeConnections(server, startSession, settings, tls !== undefined);
  connections.watchSockets(server);
  connections.watchSessions(http2);
  return {
    server,
    closeAfterResponses: connections.closeAfterResponses,
    stopAccepting: connections.stopAccepting,
    close: async (graceMs) => {
      const startedAtMs = performance.now();
      if (graceMs > 0) await connections.drain(graceMs);
      const remainingMs = graceMs - (performance.now() - startedAtMs);
      await new Promise<void>((resolve) => {
        // Polls, because Node has no event for a connection that becomes idle.
        const sweep = setInterval(() => server.closeIdleConnections(), 20);
        const timer = setTimeout(connections.destroyAll, remainingMs);
        server.close(() => {
          clearTimeout(timer);
          clearInterval(sweep);
          resolve();
        });
        connections.endIdleConnections();
      });
    },
  };
}

function createHttp1Server(options: Http1Options, tls: Tls | undefined): Server {
  if (tls === undefined) return createServer(options);
  const ALPNProtocols = ["h2", "http/1.1"];
  const server = createHttpsServer({ ...options, ...tls.server, ...tls.context(), ALPNProtocols });
  tls.onContext((context) => server.setSecureContext(context));
  return server;
}

/** Routes the connections of `server` to the server of their HTTP version. */
function routeConnections(
  server: Server,
  startSession: (socket: Socket) => void,
  { limits, places, log }: SessionSettings,
  isEncrypted: boolean,
): void {
  // Replaces Node's own listener, and calls it for HTTP/1.1 connections only.
  const listen = takeListeners(server, isEncrypted ? "secureConnection" : "connection");
  const acceptHttp1 = (socket: Socket) => {
    setRecord(socket, places.recordOf(socket));
    limitAge(socket, limits);
    listen(socket);
  };
  const acceptHttp2 = (socket: Socket) => {
    // An HTTP/1.1 server may still respond after the client has ended its side. An HTTP/2 server
    // treats that client as disconnected, and expects the socket to close by itself.
    socket.allowHalfOpen = false;
    startSession(socket);
  };
  const acceptEncrypted = (socket: TLSSocket) => {
    if (socket.alpnProtocol === "h2") {
      // Node handles no socket error between the TLS handshake and the start of the session.
      acceptHttp2(socket.on("error", () => socket.destroy()));
    } else acceptHttp1(socket);
  };
  const drop = (socket: Socket) => socket.destroy();
  const acceptPlain = (socket: Socket) => {
    const decide = contained(
      log,
      "connection",
      (isHttp2: boolean, bytes: Buffer) => {
        if (isHttp2) {
          // An HTTP/2 session reads bytes that were put back.
          socket.unshift(bytes);
          acceptHttp2(socket);
        } else {
          acceptHttp1(socket);
          // With bytes that were put back, Node.js 20 would read a body without a limit, also while
          // nobody takes it.
          socket.emit("data", bytes);
          socket.resume();
        }
      },
      () => drop(socket),
    );
    sniff(socket, limits.headersTimeoutMs, decide);
  };
  if (isEncrypted) {
    server.on("secureConnection", contained(log, "connection", acceptEncrypted, drop));
    limitConnections(server, places, log);
  } else limitConnections(server, places, log, acceptPlain as (...args: unknown[]) => void);
}

/** Reads a connection until its first bytes show the HTTP version. */
function sniff(
  socket: Socket,
  timeoutMs: number,
  decide: (isHttp2: boolean, bytes: Buffer) => unknown,
): void {
  let bytes = Buffer.alloc(0);
  const destroy = () => socket.destroy();
  const read = (chunk: Buffer) => {
    bytes = Buffer.concat([bytes, chunk]);
    const expected = preface.subarray(0, bytes.length);
    const isPreface = bytes.subarray(0, preface.length).equals(expected);
    if (isPreface && bytes.length < preface.length) return;
    socket.pause();
    for (const end of ends) socket.off(end, destroy);
    socket.off("data", read).setTimeout(0);
    // Bytes cannot be put back into a socket that has ended.
    if (socket.readableEnded || socket.destroyed) destroy();
    else decide(isPreface, bytes);
  };
  for (const end of ends) socket.on(end, destroy);
  socket.on("data", read).setTimeout(timeoutMs);
}

const ends = ["end", "error", "timeout"] as const;
const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
