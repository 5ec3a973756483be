import pgConnectionString from "pg-connection-string";
import type { DatabaseConnection } from "./pool.js";

/** @throws Error when the text is not a PostgreSQL URL. */
export function parseDatabaseUrl(url: string): DatabaseConnection {
  return pgConnectionString.parseIntoClientConfig(url) as DatabaseConnection;
}
