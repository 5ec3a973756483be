import type { ServerHttp2Stream } from "node:http2";
import type { ClientRecord } from "./client-record.js";

/** Watches the calls of a session until one of them is authenticated. */
export type UnreadAnswers = {
  readonly callStarts: (stream: ServerHttp2Stream) => void;
  readonly callEnds: (stream: ServerHttp2Stream) => void;
};

/**
 * Calls `onUnread` when the client does not read an answer within 2 to 4 s. Such answers, and the
 * headers of their calls, would stay in memory.
 */
export function watchUnreadAnswers(record: ClientRecord, onUnread: () => void): UnreadAnswers {
  /** The open calls, and whether each had been answered at the last sweep. */
  const open = new Map<ServerHttp2Stream, boolean>();
  let sweeps: NodeJS.Timeout | undefined;
  const sweep = () => {
    if (record.isAuthenticated || open.size === 0) {
      clearInterval(sweeps);
      sweeps = undefined;
      open.clear();
    }
    for (const [stream, wasAnswered] of open) {
      if (wasAnswered) return onUnread();
      open.set(stream, stream.writableEnded);
    }
  };
  return {
    callStarts: (stream) => {
      open.set(stream, false);
      sweeps ??= setInterval(sweep, sweepMs).unref();
    },
    callEnds: (stream) => open.delete(stream),
  };
}

const sweepMs = 2000;
