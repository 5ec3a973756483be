import type { DatabaseConnection } from "../../src/store/connection/pool.js";

/** Returns the URL of a database, for other programs. */
export function toUrl({ host, port, user, password, database }: DatabaseConnection): string {
  return `postgres://${user}:${encodeURIComponent(String(password ?? ""))}@${host}:${port}/${database}`;
}
