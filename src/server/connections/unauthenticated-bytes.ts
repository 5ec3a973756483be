import type { Socket } from "node:net";
import { createTokenBucket, type TokenBucket } from "../../async/token-bucket.js";
import type { ClientRecord } from "./client-record.js";

/** A session whose client has not authenticated. */
type Session = {
  readonly socket: Socket;
  readonly record: ClientRecord;
  readonly onLimit: () => void;
  readonly bytes: TokenBucket;
  countedBytes: number;
  newCalls: number;
};

/** Limits the bytes of HTTP/2 sessions until their clients authenticate. */
export type UnauthenticatedBytes = {
  /** Returns functions to call when a call starts, and when the session closes. */
  readonly watch: (
    socket: Socket,
    record: ClientRecord,
    onLimit: () => void,
  ) => { readonly callStarts: () => void; readonly close: () => void };
};

/**
 * Calls `onLimit` for a session that receives more bytes than the calls of an unauthenticated client
 * need. So it also limits frames that Node does not show: WINDOW_UPDATE, PRIORITY, and unknown ones.
 * Compares `socket.bytesRead` at an interval, and only while there are such sessions.
 */
export function limitUnauthenticatedBytes(): UnauthenticatedBytes {
  const sessions = new Set<Session>();
  let timer: NodeJS.Timeout | undefined;
  const check = (session: Session) => {
    const { socket, record, bytes, countedBytes, newCalls } = session;
    if (record.isAuthenticated) {
      sessions.delete(session);
      return;
    }
    const newBytes = socket.bytesRead - countedBytes - newCalls * bytesPerCall;
    session.countedBytes = socket.bytesRead;
    session.newCalls = 0;
    if (newBytes <= 0 || bytes.take(newBytes)) return;
    sessions.delete(session);
    session.onLimit();
  };
  const checkAll = () => {
    for (const session of sessions) check(session);
    if (sessions.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
  return {
    watch: (socket, record, onLimit) => {
      const bytes = createTokenBucket(bytesAtOnce, bytesPerSecond);
      const session = { ...{ socket, record, onLimit, bytes }, countedBytes: 0, newCalls: 0 };
      sessions.add(session);
      timer ??= setInterval(checkAll, intervalMs).unref();
      return {
        callStarts: () => {
          session.newCalls += 1;
        },
        close: () => sessions.delete(session),
      };
    },
  };
}

/** What a client can send of a call before it reads the answer: two windows of flow control. */
const bytesPerCall = 2 ** 17;
const bytesAtOnce = 2 ** 20;
const bytesPerSecond = 2 ** 16;
const intervalMs = 50;
