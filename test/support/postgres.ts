import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Knex } from "knex";
import knexModule from "knex";
import { startEmbeddedPostgres } from "../../src/embedded-postgres/embedded-postgres.js";
import { parseDatabaseUrl } from "../../src/store/connection/connection-url.js";
import {
  createDatabase,
  type DatabaseConnection,
  type DatabaseLimits,
} from "../../src/store/connection/pool.js";
import { migrateUp } from "../../src/store/schema/migrator.js";

/** A migrated database of its own for one test file, copied from a template. */
export type TestDatabase = {
  readonly connection: DatabaseConnection;
  readonly knex: Knex;
  readonly drop: () => Promise<void>;
};

let server: DatabaseConnection;
let stopServer = async () => {};
const template = `llmprices_template_${process.pid}`;
let databases = 0;

/** Once for all files: PostgreSQL at TEST_DATABASE_URL, else an embedded one, and the template. */
export async function mochaGlobalSetup(): Promise<void> {
  await startPostgres();
  await asAdmin((admin) => admin.raw(`create database ${template}`));
  await migrateUp({ ...server, database: template });
}

/** After all files: nothing is left behind. */
export async function mochaGlobalTeardown(): Promise<void> {
  await asAdmin((admin) => admin.raw(`drop database ${template} with (force)`));
  await stopServer();
}

/** A database with the current schema; `empty` for one without any. No limits but those given. */
export async function createTestDatabase({
  empty = false,
  poolSize = 20,
  acquireTimeoutMs = 10_000,
  ...limits
}: Partial<DatabaseLimits> & { readonly empty?: boolean } = {}): Promise<TestDatabase> {
  databases += 1;
  const database = `llmprices_test_${process.pid}_${databases}`;
  const source = empty ? "" : `template ${template}`;
  await asAdmin((admin) => admin.raw(`create database ${database} ${source}`));
  const connection = { ...server, database };
  const knex = createDatabase({ connection, poolSize, acquireTimeoutMs, ...limits });
  return {
    connection,
    knex,
    drop: async () => {
      await knex.destroy();
      await asAdmin((admin) => admin.raw(`drop database ${database} with (force)`));
    },
  };
}

async function startPostgres(): Promise<void> {
  const url = process.env.TEST_DATABASE_URL;
  if (url !== undefined) {
    server = parseDatabaseUrl(url);
    return;
  }
  const dataDir = mkdtempSync(join(tmpdir(), "llmprices-test-"));
  // As root, PostgreSQL's own user passes through it.
  chmodSync(dataDir, 0o711);
  const embedded = await startEmbeddedPostgres({
    dataDir,
    // Nothing here outlives the run.
    settings: { fsync: "off", synchronous_commit: "off", full_page_writes: "off" },
    log: () => {},
  });
  server = embedded.connection;
  stopServer = async () => {
    await embedded.stop();
    rmSync(dataDir, { recursive: true, force: true });
  };
}

async function asAdmin(work: (admin: Knex) => Promise<unknown>): Promise<void> {
  const admin = knexModule({ client: "pg", connection: { ...server }, pool: { min: 0, max: 1 } });
  try {
    await work(admin);
  } finally {
    await admin.destroy();
  }
}
