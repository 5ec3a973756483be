#!/usr/bin/env node
import { readFileSync } from "node:fs";
import { Command, InvalidArgumentError } from "commander";
import { ConfigError, readConfig, readDatabaseUrl } from "./config.js";
import { openLog } from "./log.js";
import { serve } from "./serve.js";
import type { DatabaseConnection } from "./store/database.js";
import { migrateDown, migrateUp, migrationStatus } from "./store/migrate.js";

const program = new Command("llmprices")
  .description("Keeps the markup price of every LLM charge, and calculates charges exactly.")
  .version(readVersion());

program
  .command("serve")
  .description("serve gRPC, Connect and JSON; without DATABASE_URL on an embedded PostgreSQL")
  .option("--workers <number>", "processes to serve in, behind the same ports", parseWorkers)
  .action(runServer);

const migrate = program
  .command("migrate")
  .description("bring the database at DATABASE_URL to a schema");
migrate
  .command("up")
  .description("apply every pending migration")
  .action(async () => tellMigrations("applied", await migrateUp(requireDatabase())));
migrate
  .command("down")
  .description("roll back the migrations of the last up")
  .action(async () => tellMigrations("rolled back", await migrateDown(requireDatabase())));
migrate
  .command("status")
  .description("list the migrations; exits 1 when any is pending")
  .action(async () => {
    const { applied, pending } = await migrationStatus(requireDatabase());
    for (const name of applied) say(`applied  ${name}`);
    for (const name of pending) say(`pending  ${name}`);
    if (pending.length > 0) process.exitCode = 1;
  });

program
  .command("version")
  .description("print the version")
  .action(() => say(readVersion()));

program.parseAsync().catch((error) => {
  process.stderr.write(`llmprices: ${(error as Error).message}\n`);
  process.exit(error instanceof ConfigError ? 2 : 1);
});

function parseWorkers(text: string): number {
  const workers = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  if (workers >= 1 && workers <= 1000) return workers;
  throw new InvalidArgumentError("expected a whole number from 1 to 1000");
}

async function runServer({ workers }: { readonly workers?: number }): Promise<void> {
  const config = readConfig(undefined, workers);
  const log = openLog(config.logLevel);
  const service = await serve(config, log, workers);
  say(service.greeting);
  let isStopping = false;
  const stop = async (signal: string) => {
    if (isStopping) process.exit(1);
    isStopping = true;
    log.info({ signal }, "stopping");
    await service.stop();
    log.info("stopped");
  };
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
}

function requireDatabase(): DatabaseConnection {
  const database = readDatabaseUrl();
  if (database === undefined) {
    throw new ConfigError("DATABASE_URL is not set; expected the database to migrate");
  }
  return database;
}

function tellMigrations(done: string, names: readonly string[]): void {
  for (const name of names) say(`${done} ${name}`);
  if (names.length === 0) say("nothing to do");
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

function readVersion(): string {
  // The compiled file lies one folder deeper than the source.
  for (const path of ["../package.json", "../../package.json"]) {
    try {
      return JSON.parse(readFileSync(new URL(path, import.meta.url), "utf8")).version;
    } catch {
      // Not here.
    }
  }
  return "unknown";
}
