import { constants, type ServerHttp2Session, type ServerHttp2Stream } from "node:http2";
import { resetEarlyAnswered } from "./early-answers.js";
import { conductOf } from "./session-conduct.js";
import { createTokenBucket, type TokenBucket } from "./token-bucket.js";
import { watchUnreadAnswers } from "./unread-answers.js";

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
 * Resets the calls of a session that are answered early. Limits these calls, and those that the client
 * resets. Above the limit, an authenticated client is moved to a new connection: Node would disconnect
 * it, and fail its calls, at 1000 resets and 33 more per second. Another client is disconnected.
 */
export function limitWastedCalls(
  session: ServerHttp2Session,
  { drain, destroy, unauthenticatedCalls }: SessionEnds,
): void {
  const conduct = conductOf(session);
  const resets = createTokenBucket(500, 30);
  let isEnding = false;
  const unread = watchUnreadAnswers(conduct, destroy);
  const countReset = () => {
    // Those of other clients are counted otherwise.
    if (conduct.isAuthenticated && !resets.take()) setImmediate(drain);
  };
  const countUnauthenticated = () => {
    if (isEnding || unauthenticatedCalls.take()) return;
    isEnding = true;
    // The session's next calls start later, so that they never start.
    conduct.isSuspected = true;
    // Node aborts the process when a session is destroyed while its bytes are read.
    setImmediate(() => {
      if (session.destroyed) return;
      session.goaway(constants.NGHTTP2_ENHANCE_YOUR_CALM);
      destroy();
    });
  };
  /** Runs when a response is complete, but not necessarily sent. */
  function onFinish(this: ServerHttp2Stream) {
    if (!conduct.isAuthenticated && isWasted(this)) {
      // Counts the call now, before the session's next one starts, and not again when it closes.
      counted.add(this);
      countUnauthenticated();
    }
    if (this.readableEnded || this.closed || session.destroyed) return;
    // Some clients answer a reset with one, which Node counts.
    resetEarlyAnswered(this, countReset);
  }
  /** Runs when the client resets a call that is not answered. */
  function onAborted() {
    if (session.closed || session.destroyed) return;
    conduct.isSuspected = true;
    countReset();
  }
  /** Runs for the calls of a session that is not authenticated when they start. */
  function onUnauthenticatedClose(this: ServerHttp2Stream) {
    unread.callEnds(this);
    const isReset = this.rstCode !== constants.NGHTTP2_NO_ERROR;
    if (isReset) conduct.isSuspected = true;
    if (conduct.isAuthenticated || counted.has(this)) return;
    if (isReset || isWasted(this)) countUnauthenticated();
  }
  session.on("stream", (stream: ServerHttp2Stream) => {
    stream.on("finish", onFinish);
    stream.on("aborted", onAborted);
    if (conduct.isAuthenticated) return;
    stream.on("close", onUnauthenticatedClose);
    unread.callStarts(stream);
  });
}

/** Returns whether a call was answered with an error, or before its request was read. */
function isWasted({ readableEnded, sentHeaders = {}, sentTrailers = {} }: ServerHttp2Stream) {
  const { "grpc-status": code = "0" } = { ...sentHeaders, ...sentTrailers };
  return !readableEnded || sentHeaders[":status"] !== 200 || code.toString() !== "0";
}

/** The calls that were counted before they closed. */
const counted = new WeakSet<ServerHttp2Stream>();
