import { type IncomingMessage, ServerResponse } from "node:http";
import { Socket } from "node:net";

/**
 * The response class of all HTTP/1.1 servers. It handles the rest of a request whose response comes
 * before the end of its body: for example when the caller has no token, or when a stream fails.
 *
 * - A rest that belongs to a body of at most `maxKeptBytes` is discarded, and the connection serves
 *   the next request.
 * - Otherwise the response has `Connection: close`. The connection ends after it as RFC 9112, section
 *   9.6, describes: the server ends its side and still discards what arrives. If it closed the socket
 *   at once, TCP would reset the connection, and the reset can destroy the response before the client
 *   reads it.
 *
 * Both end after `maxDiscardMs`.
 */
export class Http1Response<
  Request extends IncomingMessage = IncomingMessage,
> extends ServerResponse<Request> {
  #isBodyRequested = false;

  constructor(...parameters: ConstructorParameters<typeof ServerResponse<Request>>) {
    super(...parameters);
    const { socket } = this.req;
    // Node calls this method after a response with `Connection: close`.
    socket.destroySoon = destroySoon;
    const open = openResponses.get(socket) ?? new Set();
    openResponses.set(socket, open.add(this));
    this.once("close", () => {
      open.delete(this);
      discardRest(this.req);
    });
  }

  override writeContinue(callback?: () => void): void {
    this.#isBodyRequested = true;
    super.writeContinue(callback);
  }

  override writeHead(...parameters: unknown[]): this {
    if (this.#mustClose()) this.setHeader("connection", "close");
    return super.writeHead(...(parameters as Parameters<ServerResponse["writeHead"]>));
  }

  #mustClose(): boolean {
    const { complete, headers } = this.req;
    if (complete || this.headersSent) return false;
    const isSized = headers["transfer-encoding"] === undefined;
    const length = isSized ? Number(headers["content-length"] ?? 0) : Number.POSITIVE_INFINITY;
    if (length === 0) return false;
    // Without 100 (Continue), a client decides by itself whether it sends the body.
    return length > maxKeptBytes || (headers.expect !== undefined && !this.#isBodyRequested);
  }
}

/** Reads the rest of a request after its response, so that the next request can arrive. */
function discardRest(request: IncomingMessage): void {
  const { socket } = request;
  if (request.readableEnded || request.destroyed || socket.writableEnded) return;
  // The listeners of a reader that has stopped would hold the rest back.
  request.removeAllListeners("readable").removeAllListeners("data").resume();
  if (request.complete) return;
  // Without a listener on the socket, which would get one for each of its requests.
  const timer = setTimeout(() => socket.destroy(), maxDiscardMs).unref();
  request.once("end", () => clearTimeout(timer));
}

function destroySoon(this: Socket): void {
  closeGracefully(this);
}

/** Returns the oldest response of a connection that is not finished, if any. */
export function findOpenResponse(socket: Socket): ServerResponse | undefined {
  const [oldest] = openResponses.get(socket) ?? [];
  return oldest;
}

/** More than one of a connection: its client has pipelined requests. */
const openResponses = new WeakMap<Socket, Set<ServerResponse>>();

/**
 * Ends our side of a connection, and waits for the client to end its own. Discards what the client
 * still sends, and reads no further request.
 */
export function closeGracefully(socket: Socket): void {
  if (socket.destroyed || socket.readableEnded) {
    Socket.prototype.destroySoon.call(socket);
    return;
  }
  socket.end();
  socket.resume();
  // After the tick in which Node's own listeners resume the socket: only they know how it was paused.
  process.nextTick(discard, socket);
  const timer = setTimeout(() => socket.destroy(), maxDiscardMs);
  socket.once("close", () => clearTimeout(timer));
}

/** Takes the socket from the HTTP parser, and discards what arrives. */
function discard(socket: Socket): void {
  let bytes = 0;
  socket.removeAllListeners("data").on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    // Not closed yet: a client that is still sending has the time to read the response.
    if (bytes > maxDiscardedBytes) socket.pause();
  });
}

/** The largest body whose unread rest does not end the connection. */
const maxKeptBytes = 2 ** 20;
/** As much is discarded when a connection closes: twice the default of MAX_MESSAGE_BYTES. */
const maxDiscardedBytes = 2 ** 23;
/** How long the rest of a body is discarded. */
const maxDiscardMs = 5000;
