import { ConfigError, readDatabaseUrl } from "../../config/config.js";
import type { DatabaseConnection } from "../../store/connection/pool.js";
import { migrateDown, migrateUp, migrationStatus } from "../../store/schema/migrator.js";

/** Applies every pending migration and names it. @throws ConfigError */
export async function runMigrateUp(): Promise<void> {
  tell("applied", await migrateUp(requireDatabase()));
}

/** Rolls back the migrations of the last up and names them. @throws ConfigError */
export async function runMigrateDown(): Promise<void> {
  tell("rolled back", await migrateDown(requireDatabase()));
}

/** Lists the migrations; the exit code is 1 when any is pending. @throws ConfigError */
export async function runMigrationStatus(): Promise<void> {
  const { applied, pending } = await migrationStatus(requireDatabase());
  for (const name of applied) say(`applied  ${name}`);
  for (const name of pending) say(`pending  ${name}`);
  if (pending.length > 0) process.exitCode = 1;
}

function requireDatabase(): DatabaseConnection {
  const database = readDatabaseUrl();
  if (database === undefined) {
    throw new ConfigError("DATABASE_URL is not set; expected the database to migrate");
  }
  return database;
}

function tell(done: string, names: readonly string[]): void {
  for (const name of names) say(`${done} ${name}`);
  if (names.length === 0) say("nothing to do");
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
