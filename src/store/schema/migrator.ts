import type { Knex } from "knex";
import knexModule from "knex";
import type pg from "pg";
import { pgConnectTimeout } from "../../library-internals/matched-texts.js";
import { findPool } from "../../library-internals/private-fields.js";
import { onConnect } from "../connection/pool.js";
import { type DatabaseConnection, prepareSession, toClientOptions } from "../connection/session.js";
import { migrationSource } from "./migration-list.js";
import { type OnWait, releaseMigratorLock, takeMigratorLock } from "./migrator-lock.js";

/** Gets a message when a migrator waits for another one, and how long it waits at most. */
export type MigratorOptions = { readonly onWait?: OnWait; readonly waitMs?: number };

/**
 * Returns Knex's configuration for migrations, for Knex's command line and for `llmprices migrate`.
 *
 * The only connection holds an advisory lock until it is closed. So migrators run one after the
 * other, and a killed migrator leaves nothing locked. Knex's own lock is a row, which a killed
 * migrator leaves behind: the migrator that holds the advisory lock knows that such a row is stale.
 */
export function migratorConfig(
  connection: DatabaseConnection,
  { onWait = () => {}, waitMs = 600_000 }: MigratorOptions = {},
): Knex.Config {
  const prepare = async (client: pg.Client) => {
    // Without time limits of the role: a migration takes as long as the tables are large.
    await prepareSession(client, connection);
    await takeMigratorLock(client, onWait, waitMs);
    await client.query(removeStaleRow);
  };
  // Connecting includes the wait for another migrator, which has a limit of its own.
  const createTimeoutMillis = waitMs + 6 * connectMs;
  return {
    client: "pg",
    connection: toClientOptions(connection, "llmprices migrate", connectMs),
    // Knex also throws what it would print here.
    log: { warn() {}, error() {}, deprecate() {}, debug() {} },
    pool: {
      min: 0,
      max: 1,
      createTimeoutMillis,
      afterCreate: onConnect(prepare, createTimeoutMillis),
    },
    acquireConnectionTimeout: createTimeoutMillis,
    migrations: { migrationSource },
  };
}

/** The applied and the pending migrations, by name. */
export type MigrationReport = {
  readonly applied: readonly string[];
  readonly pending: readonly string[];
};

/** Applies every pending migration. Returns the names of the applied ones. */
export function migrateUp(
  connection: DatabaseConnection,
  options?: MigratorOptions,
): Promise<string[]> {
  return withMigrator(connection, options, async (knex) => (await knex.migrate.latest())[1]);
}

/** Rolls back the migrations of the last `up`. Returns their names. */
export function migrateDown(
  connection: DatabaseConnection,
  options?: MigratorOptions,
): Promise<string[]> {
  return withMigrator(connection, options, async (knex) => (await knex.migrate.rollback())[1]);
}

/** Returns which migrations the database has, and which it lacks. */
export function migrationStatus(
  connection: DatabaseConnection,
  options?: MigratorOptions,
): Promise<MigrationReport> {
  return withMigrator(connection, options, async (knex) => {
    const [applied, pending] = await knex.migrate.list();
    return {
      applied: applied.map(({ name }: { name: string }) => name),
      pending: pending.map(({ name }: { name: string }) => name),
    };
  });
}

async function withMigrator<T>(
  connection: DatabaseConnection,
  options: MigratorOptions | undefined,
  work: (knex: Knex) => Promise<T>,
): Promise<T> {
  const knex = knexModule(migratorConfig(connection, options));
  try {
    return await work(knex);
  } catch (error) {
    throw toConnectionError(connection, error);
  } finally {
    // A pooler may keep its connection to the server.
    if (findPool(knex)?.numFree() === 1) await knex.raw(releaseMigratorLock).catch(() => undefined);
    await knex.destroy();
  }
}

/** Adds host and port to a connection error. Returns every other error unchanged. */
function toConnectionError({ host, port = 5432 }: DatabaseConnection, error: unknown): unknown {
  const { code = "", message, errors } = error as NodeJS.ErrnoException & Partial<AggregateError>;
  if (!/^E[A-Z]{4,}$/.test(code) && message !== pgConnectTimeout) return error;
  const address = host?.startsWith("/") ? `${host}/.s.PGSQL.${port}` : `${host}:${port}`;
  // A host name with several addresses fails with one error for each, and an empty message.
  const problem = message || errors?.map((each: Error) => each.message).join(", ");
  return new Error(`the database at ${address} cannot be reached: ${problem}`, {
    cause: error,
  });
}

/** How long the database may take to accept a connection. */
const connectMs = 10_000;

const removeStaleRow = `
  do $$ begin
    if to_regclass('knex_migrations_lock') is not null then
      update knex_migrations_lock set is_locked = 0 where is_locked = 1;
    end if;
  end $$`;
