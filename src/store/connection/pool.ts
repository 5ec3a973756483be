import type { Knex } from "knex";
import knexModule from "knex";
import { type ConnectionPool, findPool } from "../../library-internals/private-fields.js";

/** The connection settings of `pg`. An object, because Knex would log the password of a URL. */
export type DatabaseConnection = Readonly<Knex.PgConnectionConfig>;

/** The limits of a process: connections, calls that use the database, and waiting times. */
export type DatabaseLimits = {
  readonly poolSize: number;
  /** How long a call waits for a free connection before it fails. */
  readonly acquireTimeoutMs: number;
  /** The most calls that use or await a connection: half for reads, half for writes. */
  readonly maxCalls: number;
  /** The longest that a statement may take. */
  readonly statementTimeoutMs: number;
  /** The longest that a statement may wait for a lock. */
  readonly lockTimeoutMs: number;
};

export type DatabaseOptions = { readonly connection: DatabaseConnection } & Pick<
  DatabaseLimits,
  "poolSize" | "acquireTimeoutMs"
> &
  // An absent limit means no limit.
  Partial<DatabaseLimits>;

/** Creates a pool of connections with the time zone UTC. Connects when first used. */
export function createDatabase(options: DatabaseOptions): Knex {
  const knex = knexModule({
    client: "pg",
    connection: {
      application_name: "llmprices",
      connectionTimeoutMillis: options.acquireTimeoutMs,
      keepAlive: true,
      ...options.connection,
    },
    acquireConnectionTimeout: options.acquireTimeoutMs,
    // Knex would print broken connections to the console. The query that fails throws the error.
    log: { warn: () => {}, error: () => {} },
    // Errors then start with the statement without its values, which `dropStatement` removes.
    compileSqlOnError: false,
    pool: {
      min: 0,
      max: options.poolSize,
      afterCreate: runOnConnect(toSettings(options)),
    },
  });
  limits.set(knex, options);
  knex.on("query-error", dropStatement);
  return knex;
}

/** Returns a hook for Knex's `afterCreate` that runs `sql` on every new connection. */
export function runOnConnect(sql: string) {
  return (client: SqlClient, done: (error: Error | null) => void): void =>
    client.query(sql, (error) => done(error));
}

type SqlClient = { query(sql: string, done: (error: Error | null) => void): void };

/** Removes the statement that Knex puts before the database's message, to keep logs readable. */
function dropStatement(error: Error, { sql }: { readonly sql: string }): void {
  const prefix = `${sql} - `;
  if (error.message.startsWith(prefix)) error.message = error.message.slice(prefix.length);
}

/** The usage of a pool. Except `failures` and `max`, all are 0 once the pool is closed. */
export type DatabasePool = {
  readonly used: () => number;
  readonly free: () => number;
  /** The number of calls that wait for a connection. */
  readonly waiting: () => number;
  /** How often no connection was available in time, since the first `watchPool`. */
  readonly failures: () => number;
  readonly max: number;
};

/** Returns the usage of a pool. All callers share one set of counters. */
export function watchPool(knex: Knex): DatabasePool {
  const watched = pools.get(knex) ?? startWatching(knex);
  pools.set(knex, watched);
  return watched;
}

function startWatching(knex: Knex): DatabasePool {
  let failures = 0;
  findPool(knex)?.on("acquireFail", () => {
    failures += 1;
  });
  const count = (read: (pool: ConnectionPool) => number) => {
    const pool = findPool(knex);
    return pool === undefined ? 0 : read(pool);
  };
  return {
    max: limitsOf(knex).poolSize ?? 0,
    used: () => count((pool) => pool.numUsed()),
    free: () => count((pool) => pool.numFree()),
    waiting: () => count((pool) => pool.numPendingAcquires()),
    failures: () => failures,
  };
}

/** Returns the limits that `createDatabase` got for this pool. */
export function limitsOf(knex: Knex): Partial<DatabaseLimits> {
  return limits.get(knex) ?? {};
}

const limits = new WeakMap<Knex, DatabaseOptions>();

const pools = new WeakMap<Knex, DatabasePool>();

/**
 * Returns SQL that sets the time zone, the isolation level, and the time limits of a connection; 0 means no
 * limit. A writer waits for the lock of the price book, and then must read what earlier writers wrote. At a
 * higher isolation level, which may be the server's default, it would fail instead.
 */
function toSettings({ statementTimeoutMs = 0, lockTimeoutMs = 0 }: DatabaseOptions): string {
  return (
    "set timezone to 'UTC'; set default_transaction_isolation to 'read committed'; " +
    `set statement_timeout to ${statementTimeoutMs}; set lock_timeout to ${lockTimeoutMs}`
  );
}
