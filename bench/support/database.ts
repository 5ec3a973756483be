import type { DatabaseConnection } from "../../src/store/connection/pool.js";

/** A database as a URL, for other programs. */
export function toUrl({ host, port, user, password, database }: DatabaseConnection): string {
  return `postgres://${user}:${encodeURIComponent(String(password ?? ""))}@${host}:${port}/${database}`;
}
