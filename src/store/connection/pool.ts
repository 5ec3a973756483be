import type { Knex } from "knex";
import knexModule from "knex";
import type pg from "pg";
import {
  type ConnectionPool,
  findPgSocket,
  findPool,
} from "../../library-internals/private-fields.js";
import { type DatabaseConnection, prepareSession, toClientOptions } from "./session.js";

export type { DatabaseConnection } from "./session.js";

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

/** Creates a pool of connections. Connects when first used. */
export function createDatabase(options: DatabaseOptions): Knex {
  const knex = knexModule({
    client: "pg",
    connection: toClientOptions(options.connection, "llmprices", options.acquireTimeoutMs),
    acquireConnectionTimeout: options.acquireTimeoutMs,
    // Knex would print broken connections to the console. The query that fails throws the error.
    log: { warn: () => {}, error: () => {} },
    // Errors then start with the statement without its values, which `dropStatement` removes.
    compileSqlOnError: false,
    pool: {
      min: 0,
      max: options.poolSize,
      afterCreate: onConnect(
        (client) => prepareSession(client, options.connection, options),
        options.acquireTimeoutMs,
      ),
      validate: isIdle,
    },
  });
  limits.set(knex, options);
  knex.on("query-error", dropStatement);
  return knex;
}

/**
 * Returns a hook for Knex's `afterCreate`. Closes a new connection when `prepare` fails, or takes longer
 * than `limitMs`: Knex would wait for it and open no other.
 */
export function onConnect(prepare: (client: pg.Client) => Promise<void>, limitMs: number) {
  return (client: pg.Client, done: (error: Error | null) => void): void => {
    const timer = setTimeout(() => findPgSocket(client)?.destroy(), limitMs);
    const finish = (error: Error | null) => {
      clearTimeout(timer);
      if (error !== null) client.end().catch(() => undefined);
      done(error);
    };
    prepare(client).then(() => finish(null), finish);
  };
}

/**
 * Returns false for a connection in a transaction, which nobody will end: a failed ROLLBACK has left it,
 * for example. Knex then discards the connection.
 */
export function isIdle(client: pg.Client): boolean {
  return client.getTransactionStatus() === "I";
}

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
