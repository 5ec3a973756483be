import { constants, type ServerHttp2Stream } from "node:http2";

/**
 * Resets a call that was answered before its client has ended it, without an error (RFC 9113, section
 * 8.1). Otherwise the call and its headers would stay in memory until the client ends it. Discards
 * what still arrives for the call. Must be called when the response is complete, but not before.
 */
export function resetEarlyAnswered(stream: ServerHttp2Stream, onReset: () => void): void {
  // In addition, this keeps Node from closing the stream before the response is sent.
  stream.resume();
  setImmediate(resetWhenSent, stream, onReset);
}

/** A reset before the last frame of the response has been sent would drop that frame. */
function resetWhenSent(stream: ServerHttp2Stream, onReset: () => void): void {
  if (stream.closed || stream.destroyed) return;
  const { localClose, remoteClose } = stream.state;
  if (remoteClose === 1) return;
  if (localClose === 1) {
    stream.close(constants.NGHTTP2_NO_ERROR);
    onReset();
  } else setTimeout(resetWhenSent, retryMs, stream, onReset).unref();
}

const retryMs = 5;
