import type { Knex } from "knex";
import * as catalog from "../../../migrations/20261201000001-catalog.js";
import * as priceBook from "../../../migrations/20261201000002-price-book.js";
import * as llmPrices from "../../../migrations/20261201000003-llm-prices.js";
import * as answeredRequests from "../../../migrations/20261201000004-answered-requests.js";
import * as rateCards from "../../../migrations/20261201000005-rate-cards.js";

type Migration = Required<Pick<Knex.Migration, "up" | "down">> & {
  readonly name: string;
  /** What knex's own command line prints for a pending migration. */
  readonly file: string;
};

const migrations: readonly Migration[] = [
  toMigration("20261201000001-catalog", catalog),
  toMigration("20261201000002-price-book", priceBook),
  toMigration("20261201000003-llm-prices", llmPrices),
  toMigration("20261201000004-answered-requests", answeredRequests),
  toMigration("20261201000005-rate-cards", rateCards),
];

/**
 * All migrations, in order. They are listed here instead of read from a folder, because Knex
 * records a migration under its file name, which ends in .ts in the sources and in .js once
 * compiled.
 */
export const migrationSource: Knex.MigrationSource<Migration> = {
  getMigrations: async () => [...migrations],
  getMigrationName: (migration) => migration.name,
  getMigration: async (migration) => migration,
};

/**
 * Returns the names of the migrations that this program needs and the database lacks.
 *
 * @throws KnexTimeoutError when the database takes longer than `limitMs` for a statement. Knex then
 * discards the connection, because its response may never come.
 */
export async function pendingMigrations(knex: Knex, limitMs = 10_000): Promise<string[]> {
  const applied = await appliedMigrations(knex, limitMs);
  return migrations.map(({ name }) => name).filter((name) => !applied.has(name));
}

async function appliedMigrations(knex: Knex, limitMs: number): Promise<Set<string>> {
  // One statement, because readiness depends on it and asks every second.
  const query = knex.raw("select name from knex_migrations").timeout(limitMs);
  try {
    const { rows } = await query;
    return new Set(rows.map(({ name }: { name: string }) => name));
  } catch (error) {
    if ((error as { code?: string }).code === undefinedTable) return new Set();
    throw error;
  }
}

const undefinedTable = "42P01";

function toMigration(name: string, steps: Pick<Migration, "up" | "down">): Migration {
  return { name, file: name, up: steps.up, down: steps.down };
}
