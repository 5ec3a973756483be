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
  return createTokenBucket(1000, 200);
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
  /** The open calls of clients that have not authenticated, and whether each had been answered. */
  const unauthenticated = new Map<ServerHttp2Stream, boolean>();
  let sweep: NodeJS.Timeout | undefined;
  const countReset = () => {
    if (!resets.take()) drain();
  };
  const countUnauthenticated = () => {
    if (session.destroyed || unauthenticatedCalls.take()) return;
    session.goaway(constants.NGHTTP2_ENHANCE_YOUR_CALM);
    destroy();
  };
  /** A reset before the last frame of the response has been sent would drop that frame. */
  const resetWhenSent = (stream: ServerHttp2Stream) => {
    if (stream.closed || stream.destroyed) return;
    const { localClose, remoteClose } = stream.state;
    if (remoteClose === 1) return;
    if (localClose !== 1) return void setTimeout(resetWhenSent, retryMs, stream).unref();
    stream.close(constants.NGHTTP2_NO_ERROR);
    // Some clients answer a reset with one, which Node counts.
    if (conduct.isAuthenticated) countReset();
  };
  /** Runs when a response is complete, but not necessarily sent. */
  function onFinish(this: ServerHttp2Stream) {
    if (!conduct.isAuthenticated && isWasted(this)) {
      // Counts the call now, before the session's next one starts, and not again when it closes.
      counted.add(this);
      countUnauthenticated();
    }
    if (this.readableEnded || this.closed || session.destroyed) return;
    // In addition, this keeps Node from closing the stream before the response is sent.
    this.resume();
    setImmediate(resetWhenSent, this);
  }
  /** Runs for the calls of a session that is not authenticated when they start. */
  function onUnauthenticatedClose(this: ServerHttp2Stream) {
    const isReset = this.rstCode !== constants.NGHTTP2_NO_ERROR;
    if (isReset) conduct.hasReset = true;
    unauthenticated.delete(this);
    if (conduct.isAuthenticated) return;
    if (!counted.has(this) && (isReset || isWasted(this))) countUnauthenticated();
  }
  /** Ends the session if its client has not read an answer since the last sweep. */
  const endIfUnread = () => {
    if (conduct.isAuthenticated || unauthenticated.size === 0) {
      clearInterval(sweep);
      sweep = undefined;
      unauthenticated.clear();
      return;
    }
    for (const [stream, wasAnswered] of unauthenticated) {
      if (wasAnswered) return destroy();
      unauthenticated.set(stream, stream.writableEnded);
    }
  };
  const onReset = () => {
    if (session.closed || session.destroyed) return;
    conduct.hasReset = true;
    if (conduct.isAuthenticated) countReset();
  };
  session.on("stream", (stream: ServerHttp2Stream) => {
    stream.on("finish", onFinish);
    stream.on("aborted", onReset);
    if (conduct.isAuthenticated) return;
    stream.on("close", onUnauthenticatedClose);
    unauthenticated.set(stream, false);
    sweep ??= setInterval(endIfUnread, sweepMs).unref();
  });
}

/** Returns whether a call was answered with an error, or before its request was read. */
function isWasted({ readableEnded, sentHeaders = {}, sentTrailers = {} }: ServerHttp2Stream) {
  const { "grpc-status": code = "0" } = { ...sentHeaders, ...sentTrailers };
  return !readableEnded || sentHeaders[":status"] !== 200 || code.toString() !== "0";
}

/** The calls that were counted before they closed. */
const counted = new WeakSet<ServerHttp2Stream>();
const retryMs = 5;
/** A client that has not authenticated must read an answer within twice this time. */
const sweepMs = 2000;
