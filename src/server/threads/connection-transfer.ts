import type { DatabaseConnection } from "../../store/connection/pool.js";
import type { ThreadConnection } from "./thread-messages.js";

/**
 * Converts pg's connection options so that they can be sent to another thread. With
 * `sslmode=verify-ca` they contain a function, which cannot be sent.
 */
export function toThreadConnection(connection: DatabaseConnection): ThreadConnection {
  const { ssl } = connection;
  if (typeof ssl !== "object" || ssl.checkServerIdentity === undefined) {
    return { connection, acceptsAnyHost: false };
  }
  const { checkServerIdentity: _, ...rest } = ssl;
  return { connection: { ...connection, ssl: rest }, acceptsAnyHost: true };
}

/** Restores pg's connection options in the other thread. */
export function fromThreadConnection(sent: ThreadConnection): DatabaseConnection {
  const connection = sent.connection as DatabaseConnection;
  if (!sent.acceptsAnyHost) return connection;
  const ssl = { ...(connection.ssl as object), checkServerIdentity: () => undefined };
  return { ...connection, ssl };
}
