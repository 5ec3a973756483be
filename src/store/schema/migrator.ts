import type { Knex } from "knex";
import knexModule from "knex";
import type { DatabaseConnection } from "../connection/pool.js";
import { migrationSource } from "./migration-list.js";

/**
 * Knex's configuration for migrations, the same for its own command line and for ours.
 *
 * Its one connection holds an advisory lock for as long as it lives, so that migrators run one
 * after the other, and a killed one leaves nothing locked. Knex's own lock is a row, which a killed
 * migrator can leave behind: whoever holds the advisory lock knows that such a row is stale.
 */
export function migratorConfig(connection: DatabaseConnection): Knex.Config {
  return {
    client: "pg",
    connection: {
      application_name: "llmprices migrate",
      connectionTimeoutMillis: connectMs,
      ...connection,
    },
    // What it would print is thrown as well.
    log: { warn() {}, error() {}, deprecate() {}, debug() {} },
    // Waiting for another migrator is part of connecting.
    pool: { min: 0, max: 1, createTimeoutMillis: waitMs, afterCreate: lockMigrations },
    acquireConnectionTimeout: waitMs,
    migrations: { migrationSource },
  };
}

/** What a migration command did or found. */
export type MigrationReport = {
  readonly applied: readonly string[];
  readonly pending: readonly string[];
};

/** Applies every pending migration. Answers the names applied now. */
export function migrateUp(connection: DatabaseConnection): Promise<string[]> {
  return withMigrator(connection, async (knex) => (await knex.migrate.latest())[1]);
}

/** Rolls back the migrations of the last `up`. Answers their names. */
export function migrateDown(connection: DatabaseConnection): Promise<string[]> {
  return withMigrator(connection, async (knex) => (await knex.migrate.rollback())[1]);
}

/** Which migrations the database has, and which it lacks. */
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
    throw toUnreachable(connection, error);
  } finally {
    await knex.destroy();
  }
}

/** Says which database it was that could not be reached; every other error as it is. */
function toUnreachable({ host, port = 5432 }: DatabaseConnection, error: unknown): unknown {
  const { code = "", message, errors } = error as NodeJS.ErrnoException & Partial<AggregateError>;
  if (!/^E[A-Z]{4,}$/.test(code) && message !== "timeout expired") return error;
  // A name of several addresses fails with one error for each, and no message of its own.
  const problem = message || errors?.map((each: Error) => each.message).join(", ");
  return new Error(`the database at ${host}:${port} cannot be reached: ${problem}`, {
    cause: error,
  });
}

type SqlClient = { query(sql: string, done: (error: Error | null) => void): void };

function lockMigrations(client: SqlClient, done: (error?: Error | null) => void): void {
  client.query(takeLock, (error) => done(error));
}

/** How long the database may take to answer. */
const connectMs = 10_000;

/** How long a migrator waits for another one. */
const waitMs = 600_000;

// The number is arbitrary and ours.
const takeLock = `
  select pg_advisory_lock(7236119);
  do $$ begin
    if to_regclass('knex_migrations_lock') is not null then
      update knex_migrations_lock set is_locked = 0 where is_locked = 1;
    end if;
  end $$;
`;
