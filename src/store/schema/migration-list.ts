import type { Knex } from "knex";
import * as catalog from "../../../migrations/20261124000001-catalog.js";
import * as priceBook from "../../../migrations/20261124000002-price-book.js";
import * as answeredRequests from "../../../migrations/20261124000003-answered-requests.js";
import * as changesTakeEffectAhead from "../../../migrations/20261125000004-changes-take-effect-ahead.js";
import * as keepThePastAtCommit from "../../../migrations/20261125000005-keep-the-past-at-commit.js";
import * as findChangedTimelines from "../../../migrations/20261125000006-find-changed-timelines.js";
import * as writeManyPrices from "../../../migrations/20261125000007-write-many-prices-at-once.js";
import * as findOurOwnTables from "../../../migrations/20261126000008-find-our-own-tables.js";
import * as raiseTheVersionOnce from "../../../migrations/20261126000009-raise-the-version-once.js";

type Migration = Required<Pick<Knex.Migration, "up" | "down">> & {
  readonly name: string;
  /** What knex's own command line prints for a pending migration. */
  readonly file: string;
};

const migrations: readonly Migration[] = [
  named("20261124000001-catalog", catalog),
  named("20261124000002-price-book", priceBook),
  named("20261124000003-answered-requests", answeredRequests),
  named("20261125000004-changes-take-effect-ahead", changesTakeEffectAhead),
  named("20261125000005-keep-the-past-at-commit", keepThePastAtCommit),
  named("20261125000006-find-changed-timelines", findChangedTimelines),
  named("20261125000007-write-many-prices-at-once", writeManyPrices),
  named("20261126000008-find-our-own-tables", findOurOwnTables),
  named("20261126000009-raise-the-version-once", raiseTheVersionOnce),
];

/**
 * All migrations, in order. Listed and not read from a folder: Knex records a migration under its
 * file name, which ends in .ts here and in .js once compiled.
 */
export const migrationSource: Knex.MigrationSource<Migration> = {
  getMigrations: async () => [...migrations],
  getMigrationName: (migration) => migration.name,
  getMigration: async (migration) => migration,
};

/**
 * The names of the migrations that this program needs and the database lacks.
 *
 * @throws KnexTimeoutError when the database takes longer for a statement than `limitMs`. The
 * connection is then given up, since its answer may never come.
 */
export async function pendingMigrations(knex: Knex, limitMs = 10_000): Promise<string[]> {
  const applied = await appliedMigrations(knex, limitMs);
  return migrations.map(({ name }) => name).filter((name) => !applied.has(name));
}

async function appliedMigrations(knex: Knex, limitMs: number): Promise<Set<string>> {
  const ask = (sql: string) => knex.raw(sql).timeout(limitMs);
  const { rows: tables } = await ask("select to_regclass('knex_migrations') as found");
  if (tables[0].found === null) return new Set();
  const { rows } = await ask("select name from knex_migrations");
  return new Set(rows.map(({ name }: { name: string }) => name));
}

function named(name: string, steps: Pick<Migration, "up" | "down">): Migration {
  return { name, file: name, up: steps.up, down: steps.down };
}
