import type { DatabaseConnection } from "../../store/connection/pool.js";
import type { ThreadConnection } from "./thread-messages.js";

/** Makes what pg takes fit to be sent to another thread: `sslmode=verify-ca` puts a function in it. */
export function toThreadConnection(connection: DatabaseConnection): ThreadConnection {
  const { ssl } = connection;
  if (typeof ssl !== "object" || ssl.checkServerIdentity === undefined) {
    return { connection, acceptsAnyHost: false };
  }
  const { checkServerIdentity: _, ...rest } = ssl;
  return { connection: { ...connection, ssl: rest }, acceptsAnyHost: true };
}

export function fromThreadConnection(sent: ThreadConnection): DatabaseConnection {
  const connection = sent.connection as DatabaseConnection;
  if (!sent.acceptsAnyHost) return connection;
  const ssl = { ...(connection.ssl as object), checkServerIdentity: () => undefined };
  return { ...connection, ssl };
}
