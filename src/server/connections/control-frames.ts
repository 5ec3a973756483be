import type { ServerHttp2Session } from "node:http2";
import { createTokenBucket } from "../../async/token-bucket.js";
import type { ClientRecord } from "./client-record.js";

/**
 * Limits the PING and SETTINGS frames of a session, which Node answers. Clients that measure the network
 * send a PING in each round trip while data flows, so an authenticated client may send many: above the
 * limit it is moved to a new connection, and disconnected when it goes on.
 *
 * Node shows no other control frames. `limitUnauthenticatedBytes` limits those.
 */
export function limitControlFrames(
  session: ServerHttp2Session,
  record: ClientRecord,
  { drain, disconnect }: { readonly drain: () => void; readonly disconnect: () => void },
): void {
  const first = createTokenBucket(100, 10);
  let frames = createTokenBucket(10_000, 2000);
  let isDrained = false;
  const stop = () => {
    session.off("ping", count).off("remoteSettings", count);
    disconnect();
  };
  const count = () => {
    if (!record.isAuthenticated) {
      if (!first.take()) stop();
    } else if (!frames.take()) {
      if (isDrained) return stop();
      isDrained = true;
      frames = createTokenBucket(10_000, 2000);
      // Node aborts the process when a session ends while its bytes are read.
      setImmediate(drain);
    }
  };
  session.on("ping", count).on("remoteSettings", count);
}
