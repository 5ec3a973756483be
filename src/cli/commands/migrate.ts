import { ConfigError, readDatabaseUrl } from "../../config/config.js";
import type { DatabaseConnection } from "../../store/connection/pool.js";
import { migrateDown, migrateUp, migrationStatus } from "../../store/schema/migrator.js";

/** Applies every pending migration and prints its name. @throws ConfigError */
export async function runMigrateUp(): Promise<void> {
  printNames("applied", await migrateUp(requireDatabase(), { onWait: printWait }));
}

/** Rolls back the migrations of the last `up` and prints their names. @throws ConfigError */
export async function runMigrateDown(): Promise<void> {
  printNames("rolled back", await migrateDown(requireDatabase(), { onWait: printWait }));
}

/** Lists the migrations. The exit code is 1 when any is pending. @throws ConfigError */
export async function runMigrationStatus(): Promise<void> {
  const { applied, pending } = await migrationStatus(requireDatabase(), { onWait: printWait });
  for (const name of applied) printLine(`applied  ${name}`);
  for (const name of pending) printLine(`pending  ${name}`);
  if (pending.length > 0) process.exitCode = 1;
}

function requireDatabase(): DatabaseConnection {
  const database = readDatabaseUrl();
  if (database === undefined) {
    throw new ConfigError("DATABASE_URL is not set; expected the database to migrate");
  }
  return database;
}

function printWait(message: string): void {
  process.stderr.write(`llmprices: ${message}\n`);
}

function printNames(action: string, names: readonly string[]): void {
  for (const name of names) printLine(`${action} ${name}`);
  if (names.length === 0) printLine("nothing to do");
}

function printLine(line: string): void {
  process.stdout.write(`${line}\n`);
}
