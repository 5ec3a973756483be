import { constants, type ServerHttp2Session, type ServerHttp2Stream } from "node:http2";
import { createTokenBucket, type TokenBucket } from "../../async/token-bucket.js";
import type { ClientAddresses } from "./client-addresses.js";
import type { ClientRecord } from "./client-record.js";
import { resetEarlyAnswered } from "./early-answers.js";
import { watchUnreadAnswers } from "./unread-answers.js";

/** How to end a session whose client wastes calls, and what counts those of unauthenticated clients. */
export type WastedCallLimits = {
  /** Ends the session after its running calls, and loses no call. */
  readonly drain: () => void;
  /** Ends the session and its calls at once. */
  readonly destroy: () => void;
  /** Ends the session and its calls at once, and records the abuse. */
  readonly disconnect: () => void;
  readonly addresses: ClientAddresses;
  /** Limits the calls that unauthenticated clients waste, in all sessions of a listener together. */
  readonly unauthenticatedCalls: TokenBucket;
};

/** Returns the limit of a listener on calls wasted by clients that have not authenticated. */
export function limitUnauthenticatedCalls(): TokenBucket {
  return createTokenBucket(1000, 200);
}

/**
 * Resets the calls of a session that are answered early. Limits these calls, and those that the client
 * resets. Above the limit, an authenticated client is moved to a new connection: Node would disconnect
 * it, and fail its calls, at 1000 resets and 33 more per second.
 *
 * Another client is disconnected: above the limit of its address if it resets calls, and above that of
 * the listener as well if its calls are answered.
 */
export function limitWastedCalls(
  session: ServerHttp2Session,
  record: ClientRecord,
  { drain, destroy, disconnect, addresses, unauthenticatedCalls }: WastedCallLimits,
): void {
  const resets = createTokenBucket(500, 30);
  const unread = watchUnreadAnswers(record, destroy);
  const countReset = () => {
    // Those of other clients are counted otherwise.
    if (record.isAuthenticated && !resets.take()) setImmediate(drain);
  };
  const countUnauthenticated = (isAnswered: boolean) => {
    const isBelowLimit = addresses.takeWastedCall(record.address);
    const areAllBelowLimit = unauthenticatedCalls.take();
    if (!isBelowLimit && !(isAnswered && areAllBelowLimit)) disconnect();
  };
  /** Runs when a response is complete, but not necessarily sent, or when the client resets the call. */
  function onFinish(this: ServerHttp2Stream) {
    if (!record.isAuthenticated && isWasted(this)) {
      // Counts the call now, before the session's next one starts, and not again when it closes.
      counted.add(this);
      countUnauthenticated(this.headersSent);
    }
    if (this.readableEnded || this.closed || session.destroyed) return;
    // Some clients answer a reset with one, which Node counts.
    resetEarlyAnswered(this, countReset);
  }
  /** Runs when the client resets a call that is not answered. */
  function onAborted() {
    if (session.closed || session.destroyed) return;
    record.hasResetCalls = true;
    countReset();
  }
  /** Runs for the calls of a session that is not authenticated when they start. */
  function onUnauthenticatedClose(this: ServerHttp2Stream) {
    unread.callEnds(this);
    const isReset = this.rstCode !== constants.NGHTTP2_NO_ERROR;
    if (isReset) record.hasResetCalls = true;
    if (record.isAuthenticated || counted.has(this) || session.destroyed) return;
    if (isReset || isWasted(this)) countUnauthenticated(this.headersSent && !isReset);
  }
  session.on("stream", (stream: ServerHttp2Stream) => {
    stream.on("finish", onFinish);
    stream.on("aborted", onAborted);
    if (record.isAuthenticated) return;
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
