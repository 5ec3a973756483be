import type { Knex } from "knex";
import knexModule from "knex";
import { type ConnectionPool, findPool } from "../../library-internals/private-fields.js";

/** How to reach PostgreSQL: what `pg` takes, as an object (Knex would log a URL's password). */
export type DatabaseConnection = Readonly<Knex.PgConnectionConfig>;

/** How much of the database a process uses, and how long it waits for what. */
export type DatabaseLimits = {
  readonly poolSize: number;
  /** How long a call waits for a free connection before it is refused. */
  readonly acquireTimeoutMs: number;
  /** The most calls that have a connection or wait for one: half of them read, half of them write. */
  readonly maxCalls: number;
  /** The longest that a statement may take. */
  readonly statementTimeoutMs: number;
  /** The longest that a statement may wait for what another transaction holds. */
  readonly lockTimeoutMs: number;
};

export type DatabaseOptions = { readonly connection: DatabaseConnection } & Pick<
  DatabaseLimits,
  "poolSize" | "acquireTimeoutMs"
> &
  // Without limit where they are not given.
  Partial<DatabaseLimits>;

/** A pool of connections that reads and writes times in UTC. Connects when first used. */
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
    // It would print a broken connection between the log's lines. Whoever used it is told.
    log: { warn: () => {}, error: () => {} },
    // As it was sent, without its values: so the statement can be told from the error.
    compileSqlOnError: false,
    pool: {
      min: 0,
      max: options.poolSize,
      afterCreate: (client: SqlClient, done: (error?: Error | null) => void) => {
        client.query(toSettings(options), (error) => done(error));
      },
    },
  });
  limits.set(knex, options);
  knex.on("query-error", dropStatement);
  return knex;
}

/** Knex puts the statement before the database's message, which whoever logs it would have to find. */
function dropStatement(error: Error, { sql }: { readonly sql: string }): void {
  const prefix = `${sql} - `;
  if (error.message.startsWith(prefix)) error.message = error.message.slice(prefix.length);
}

/** How busy a pool is. Once it is closed, all is 0. */
export type DatabasePool = {
  readonly used: () => number;
  readonly free: () => number;
  /** Who waits for a connection. */
  readonly waiting: () => number;
  /** How often none was to be had, since the pool has been watched. */
  readonly failures: () => number;
  readonly max: number;
};

/** Watches a pool, whoever else does. */
export function watchPool(knex: Knex): DatabasePool {
  const watched = pools.get(knex) ?? startToWatch(knex);
  pools.set(knex, watched);
  return watched;
}

function startToWatch(knex: Knex): DatabasePool {
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

/** What a pool was made with. */
export function limitsOf(knex: Knex): Partial<DatabaseLimits> {
  return limits.get(knex) ?? {};
}

const limits = new WeakMap<Knex, DatabaseOptions>();

type SqlClient = { query(sql: string, done: (error: Error | null) => void): void };

const pools = new WeakMap<Knex, DatabasePool>();

/** What every statement on a connection obeys; 0 is no limit. */
function toSettings({ statementTimeoutMs = 0, lockTimeoutMs = 0 }: DatabaseOptions): string {
  return (
    `set timezone to 'UTC'; set statement_timeout to ${statementTimeoutMs}; ` +
    `set lock_timeout to ${lockTimeoutMs}`
  );
}
