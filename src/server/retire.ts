import type { ServerHttp2Session } from "node:http2";
import type { Socket } from "node:net";

/**
 * Has a client begin its next calls on another connection, and ends this one when those under way have
 * ended. No call is lost: a first GOAWAY says "no more from now on" and refuses none; the last one is
 * named when the answer to a ping tells that the client has heard of it (RFC 9113, section 6.8).
 *
 * Node says GOAWAY in one way only, which drops the calls that come meanwhile: grpc clients repeat
 * those, others do not. So the first one is written here, between Node's own frames, which it writes
 * whole.
 *
 * @param answerMs how long an answer to the ping is waited for.
 */
export function retire(session: ServerHttp2Session, socket: Socket, answerMs: number): void {
  if (session.closed || retired.has(session) || !socket.writable) return;
  retired.add(session);
  socket.write(shutdownNotice);
  const close = () => {
    clearTimeout(timer);
    if (!session.destroyed) session.close();
  };
  const timer = setTimeout(close, answerMs);
  if (!session.ping(close)) close();
}

const retired = new WeakSet<ServerHttp2Session>();

/** GOAWAY with the largest stream id there is, and no error. */
const shutdownNotice = Buffer.from([
  // Length, type, flags, stream 0; the last stream that may be served; NO_ERROR.
  ...[0, 0, 8, 7, 0, 0, 0, 0, 0],
  ...[0x7f, 0xff, 0xff, 0xff],
  ...[0, 0, 0, 0],
]);
