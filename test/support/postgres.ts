import { randomBytes } from "node:crypto";
import { accessSync, chmodSync, constants, mkdtempSync, rmSync, statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Knex } from "knex";
import knexModule from "knex";
import { toUrl } from "../../bench/support/database.js";
import { startEmbeddedPostgres } from "../../src/embedded-postgres/embedded-postgres.js";
import { parseDatabaseUrl } from "../../src/store/connection/connection-url.js";
import {
  createDatabase,
  type DatabaseConnection,
  type DatabaseLimits,
} from "../../src/store/connection/pool.js";
import { migrateUp } from "../../src/store/schema/migrator.js";
import { trackOpen } from "./open-resources.js";

/** A migrated database for one test file, copied from a template. */
export type TestDatabase = {
  readonly connection: DatabaseConnection;
  readonly knex: Knex;
  readonly drop: () => Promise<void>;
};

/** A PostgreSQL server for tests, and the variables by which test processes find it. */
export type TestServer = {
  readonly environment: {
    readonly LLMPRICES_TEST_SERVER: string;
    /** The migrated database that tests copy. The names of all databases of a run start with it. */
    readonly LLMPRICES_TEST_TEMPLATE: string;
  };
  readonly stop: () => Promise<void>;
};

/** Starts PostgreSQL, unless TEST_DATABASE_URL names a server, and creates the template. */
export async function startTestServer(): Promise<TestServer> {
  const { url, stop } = await startPostgres();
  const template = `llmprices_test_${randomBytes(4).toString("hex")}`;
  const admin = parseDatabaseUrl(url);
  await asAdmin(admin, (knex) => knex.raw(`create database ${template}`));
  await migrateUp({ ...admin, database: template });
  return {
    environment: { LLMPRICES_TEST_SERVER: url, LLMPRICES_TEST_TEMPLATE: template },
    stop: async () => {
      await asAdmin(admin, (knex) => dropAll(knex, template));
      await stop();
    },
  };
}

let ownServer: TestServer | undefined;
let stopping: Promise<void> | undefined;

/** Starts a server before all files, unless test/run.mjs has started one. */
export async function mochaGlobalSetup(): Promise<void> {
  if (process.env.LLMPRICES_TEST_SERVER !== undefined) return;
  ownServer = await startTestServer();
  Object.assign(process.env, ownServer.environment);
  // Without a handler the data would stay in memory. Mocha may send both signals.
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => void mochaGlobalTeardown().finally(() => process.exit(1)));
  }
}

/** Stops the server that mochaGlobalSetup started. */
export async function mochaGlobalTeardown(): Promise<void> {
  stopping ??= ownServer?.stop();
  await stopping;
}

let databases = 0;

/** Creates a database with the current schema, or an `empty` one, with the given limits only. */
export async function createTestDatabase({
  empty = false,
  poolSize = 20,
  acquireTimeoutMs = 10_000,
  ...limits
}: Partial<DatabaseLimits> & { readonly empty?: boolean } = {}): Promise<TestDatabase> {
  const { LLMPRICES_TEST_SERVER: url, LLMPRICES_TEST_TEMPLATE: template } = process.env;
  if (url === undefined) throw new Error("this run has no PostgreSQL: test:unit starts none");
  const server = parseDatabaseUrl(url);
  databases += 1;
  // Several processes run tests in parallel.
  const database = `${template}_${process.pid}_${databases}`;
  const source = empty ? "" : `template ${template}`;
  // Half the CPU time of the default strategy, which writes every page to the WAL.
  const create = `create database ${database} ${source} strategy file_copy`;
  await asAdmin(server, (admin) => admin.raw(create));
  const connection = { ...server, database };
  const knex = createDatabase({ connection, poolSize, acquireTimeoutMs, ...limits });
  const drop = async () => {
    untrack();
    await knex.destroy();
    await asAdmin(server, (admin) => admin.raw(`drop database ${database} with (force)`));
  };
  const untrack = trackOpen("a database", drop);
  return { connection, knex, drop };
}

/** Creates a folder in memory where 1 GiB is free there, else in the folder for temporary files. */
export function createTestFolder(): string {
  const folder = mkdtempSync(join(hasRoom("/dev/shm") ? "/dev/shm" : tmpdir(), "llmprices-test-"));
  // If this process runs as root, PostgreSQL's user must traverse the folder.
  chmodSync(folder, 0o711);
  return folder;
}

function hasRoom(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK);
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize >= 2 ** 30;
  } catch {
    return false;
  }
}

async function startPostgres(): Promise<{ url: string; stop: () => Promise<void> }> {
  const { TEST_DATABASE_URL: url } = process.env;
  if (url !== undefined) return { url, stop: async () => {} };
  const dataDir = createTestFolder();
  const remove = () => rmSync(dataDir, { recursive: true, force: true });
  try {
    const embedded = await startEmbeddedPostgres({
      dataDir,
      settings: {
        // No data outlives the run.
        ...{ fsync: "off", synchronous_commit: "off", full_page_writes: "off" },
        // Several test files run in parallel, and each of their services has a connection pool.
        max_connections: "300",
      },
      log: () => {},
    });
    return { url: toUrl(embedded.connection), stop: () => embedded.stop().finally(remove) };
  } catch (error) {
    remove();
    throw error;
  }
}

async function dropAll(admin: Knex, template: string): Promise<void> {
  const names = await admin("pg_database")
    .where("datname", template)
    .orWhereRaw("starts_with(datname, ?)", `${template}_`)
    .pluck("datname");
  for (const name of names) await admin.raw(`drop database ${name} with (force)`);
}

async function asAdmin(
  server: DatabaseConnection,
  work: (admin: Knex) => Promise<unknown>,
): Promise<void> {
  const admin = knexModule({ client: "pg", connection: { ...server }, pool: { min: 0, max: 1 } });
  try {
    await work(admin);
  } finally {
    await admin.destroy();
  }
}
