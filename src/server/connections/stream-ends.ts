import { constants, type ServerHttp2Session, type ServerHttp2Stream } from "node:http2";
import { conductOf } from "./session-conduct.js";
import { createTokenBucket, type TokenBucket } from "./token-bucket.js";

/** How to end a session whose client wastes calls. */
export type SessionEnds = {
  /** Ends the session after its running calls, and loses no call. */
  readonly drain: () => void;
  /** Ends the session and its calls at once. */
  readonly destroy: () => void;
  /** Limits the calls that clients waste which have not authenticated, in all sessions together. */
  readonly unauthenticatedCalls: TokenBucket;
};

/** Returns the limit of a listener on calls wasted by clients that have not authenticated. */
export function limitUnauthenticatedCalls(): TokenBucket {
  return createTokenBucket(1000, 1000);
}

/**
 * Resets each call of a session that is answered before its client has ended it, without an error
 * (RFC 9113, section 8.1). Otherwise the call and its headers would stay in memory until the client
 * ends it. What still arrives for such a call is discarded.
 *
 * Limits these calls, and those that the client resets. Above the limit, the client of an
 * authenticated caller is moved to a new connection: Node disconnects a client, and fails its
 * calls, at 1000 resets and 33 more per second. A client that has not authenticated is disconnected.
 */
export function watchStreamEnds(
  session: ServerHttp2Session,
  { drain, destroy, unauthenticatedCalls }: SessionEnds,
): void {
  const conduct = conductOf(session);
  const resets = createTokenBucket(500, 30);
  const countReset = () => {
    if (!resets.take()) drain();
  };
  const countUnauthenticated = () => {
    if (unauthenticatedCalls.take()) return;
    session.goaway(constants.NGHTTP2_ENHANCE_YOUR_CALM);
    destroy();
  };
  /** A reset before the last frame of the response has been sent would drop that frame. */
  const resetWhenSent = (stream: ServerHttp2Stream, answeredAtMs: number) => {
    if (stream.closed || stream.destroyed) return;
    const { localClose, remoteClose } = stream.state;
    if (remoteClose === 1) return;
    if (localClose === 1) {
      stream.close(constants.NGHTTP2_NO_ERROR);
      // Some clients answer a reset with one, which Node counts.
      if (conduct.isAuthenticated) countReset();
      return;
    }
    // The client does not read its answers.
    const isOverdue = performance.now() - answeredAtMs > sendMs;
    if (isOverdue && !conduct.isAuthenticated) return destroy();
    setTimeout(resetWhenSent, retryMs, stream, answeredAtMs).unref();
  };
  /** Runs when a response is complete, but not necessarily sent. */
  function onFinish(this: ServerHttp2Stream) {
    if (!conduct.isAuthenticated && isRejection(this)) countUnauthenticated();
    if (this.readableEnded || this.closed || session.destroyed) return;
    // In addition, this keeps Node from closing the stream before the response is sent.
    this.resume();
    setImmediate(resetWhenSent, this, performance.now());
  }
  const onReset = () => {
    if (session.closed || session.destroyed) return;
    conduct.hasReset = true;
    if (conduct.isAuthenticated) countReset();
    else countUnauthenticated();
  };
  session.on("stream", (stream: ServerHttp2Stream) => {
    stream.on("finish", onFinish);
    stream.on("aborted", onReset);
  });
}

/** Returns whether a response is an error that has no message before it. */
function isRejection({ sentHeaders = {} }: ServerHttp2Stream): boolean {
  return sentHeaders[":status"] !== 200 || sentHeaders["grpc-status"] !== undefined;
}

/** How long the answer of a call may wait for a client that has not authenticated to read. */
const sendMs = 2000;
const retryMs = 5;
