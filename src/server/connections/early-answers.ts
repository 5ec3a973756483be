import { constants, type ServerHttp2Session, type ServerHttp2Stream } from "node:http2";

/**
 * Resets each call of a session that is answered before its client has ended it, without an error
 * (RFC 9113, section 8.1). Otherwise the call and its headers would stay in memory until the client
 * ends it. What still arrives for such a call is discarded.
 */
export function resetEarlyAnsweredCalls(session: ServerHttp2Session): void {
  session.on("stream", (stream: ServerHttp2Stream) => stream.on("finish", onAnswered));
}

/** Runs when a call's response is complete, but not necessarily sent. */
function onAnswered(this: ServerHttp2Stream): void {
  if (this.readableEnded || this.closed) return;
  // In addition, this keeps Node from closing the stream before the response is sent.
  this.resume();
  setImmediate(resetWhenSent, this);
}

/** A reset before the last frame of the response has been sent would drop that frame. */
function resetWhenSent(stream: ServerHttp2Stream): void {
  if (stream.closed || stream.destroyed) return;
  const { localClose, remoteClose } = stream.state;
  if (remoteClose === 1) return;
  if (localClose === 1) stream.close(constants.NGHTTP2_NO_ERROR);
  else setTimeout(resetWhenSent, retryMs, stream).unref();
}

const retryMs = 5;
