import type { Knex } from "knex";
import knexModule from "knex";
import { pgConnectTimeout } from "../../library-internals/matched-texts.js";
import { type DatabaseConnection, runOnConnect } from "../connection/pool.js";
import { migrationSource } from "./migration-list.js";

/**
 * Returns Knex's configuration for migrations, for Knex's command line and for `llmprices migrate`.
 *
 * The only connection holds an advisory lock until it is closed. So migrators run one after the
 * other, and a killed migrator leaves nothing locked. Knex's own lock is a row, which a killed
 * migrator leaves behind: the migrator that holds the advisory lock knows that such a row is stale.
 */
export function migratorConfig(connection: DatabaseConnection): Knex.Config {
  return {
    client: "pg",
    connection: {
      application_name: "llmprices migrate",
      connectionTimeoutMillis: connectMs,
      ...connection,
    },
    // Knex also throws what it would print here.
    log: { warn() {}, error() {}, deprecate() {}, debug() {} },
    // Connecting includes the wait for another migrator.
    pool: { min: 0, max: 1, createTimeoutMillis: waitMs, afterCreate: runOnConnect(takeLock) },
    acquireConnectionTimeout: waitMs,
    migrations: { migrationSource },
  };
}

/** The applied and the pending migrations, by name. */
export type MigrationReport = {
  readonly applied: readonly string[];
  readonly pending: readonly string[];
};

/** Applies every pending migration. Returns the names of the applied ones. */
export function migrateUp(connection: DatabaseConnection): Promise<string[]> {
  return withMigrator(connection, async (knex) => (await knex.migrate.latest())[1]);
}

/** Rolls back the migrations of the last `up`. Returns their names. */
export function migrateDown(connection: DatabaseConnection): Promise<string[]> {
  return withMigrator(connection, async (knex) => (await knex.migrate.rollback())[1]);
}

/** Returns which migrations the database has, and which it lacks. */
export function migrationStatus(connection: DatabaseConnection): Promise<MigrationReport> {
  return withMigrator(connection, async (knex) => {
    const [applied, pending] = await knex.migrate.list();
    return {
      applied: applied.map(({ name }: { name: string }) => name),
      pending: pending.map(({ name }: { name: string }) => name),
    };
  });
}

async function withMigrator<T>(
  connection: DatabaseConnection,
  work: (knex: Knex) => Promise<T>,
): Promise<T> {
  const knex = knexModule(migratorConfig(connection));
  try {
    return await work(knex);
  } catch (error) {
    throw toConnectionError(connection, error);
  } finally {
    await knex.destroy();
  }
}

/** Adds host and port to a connection error. Returns every other error unchanged. */
function toConnectionError({ host, port = 5432 }: DatabaseConnection, error: unknown): unknown {
  const { code = "", message, errors } = error as NodeJS.ErrnoException & Partial<AggregateError>;
  if (!/^E[A-Z]{4,}$/.test(code) && message !== pgConnectTimeout) return error;
  // A host name with several addresses fails with one error for each, and an empty message.
  const problem = message || errors?.map((each: Error) => each.message).join(", ");
  return new Error(`the database at ${host}:${port} cannot be reached: ${problem}`, {
    cause: error,
  });
}

/** How long the database may take to accept a connection. */
const connectMs = 10_000;

/** How long a migrator waits for another one. */
const waitMs = 600_000;

// The number is arbitrary; only migrators of this service use it.
const takeLock = `
  select pg_advisory_lock(7236119);
  do $$ begin
    if to_regclass('knex_migrations_lock') is not null then
      update knex_migrations_lock set is_locked = 0 where is_locked = 1;
    end if;
  end $$;
`;
