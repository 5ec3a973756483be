import type { Knex } from "knex";
import knexModule from "knex";

/** How to reach PostgreSQL: what `pg` takes, as an object (Knex would log a URL's password). */
export type DatabaseConnection = Readonly<Knex.PgConnectionConfig>;

export type DatabaseOptions = {
  readonly connection: DatabaseConnection;
  readonly poolSize: number;
  /** How long a call waits for a free connection before it is refused. */
  readonly acquireTimeoutMs: number;
};

/** A pool of connections that reads and writes times in UTC. Connects when first used. */
export function createDatabase(options: DatabaseOptions): Knex {
  return knexModule({
    client: "pg",
    connection: {
      application_name: "llmprices",
      connectionTimeoutMillis: options.acquireTimeoutMs,
      keepAlive: true,
      ...options.connection,
    },
    acquireConnectionTimeout: options.acquireTimeoutMs,
    pool: {
      min: 0,
      max: options.poolSize,
      afterCreate: (client: SqlClient, done: (error?: Error | null) => void) => {
        client.query("set timezone to 'UTC'", (error) => done(error));
      },
    },
  });
}

type SqlClient = { query(sql: string, done: (error: Error | null) => void): void };
