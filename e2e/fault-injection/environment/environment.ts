import { execFile } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import pg from "pg";
import { toUrl } from "../../../bench/support/database.js";
import { migrateUp } from "../../../src/store/schema/migrator.js";
import { type DatabaseProxy, openProxy } from "../../../test/support/proxy.js";
import { type Postgres, startPostgres } from "./postgres.js";
import { type Replica, startReplica } from "./replica.js";

/** A database and two replicas, each connected to it over its own proxy. */
export type Environment = {
  readonly folder: string;
  /** The folder of the database. */
  readonly dataFolder: string;
  readonly postgres: Postgres;
  readonly proxies: readonly DatabaseProxy[];
  readonly replicas: readonly Replica[];
  /** Queries the database directly, not over the proxies. */
  readonly query: (sql: string) => Promise<readonly Record<string, unknown>[]>;
};

export type EnvironmentOptions = {
  /** Environment variables of the replica with this index. */
  readonly service?: (dataFolder: string, index: number) => Readonly<Record<string, string>>;
  readonly postgres?: (dataFolder: string) => Readonly<Record<string, string>>;
  /** Prepares the folder for the database. May return a function that undoes it. */
  // biome-ignore lint/suspicious/noConfusingVoidType: most have nothing to undo.
  readonly prepare?: (dataFolder: string) => Promise<(() => Promise<unknown>) | void>;
};

/** Starts an environment in a folder, on a copy of `template`, passes it to `work`, and stops it. */
export async function withEnvironment<T>(
  folder: string,
  template: string,
  options: EnvironmentOptions,
  work: (environment: Environment) => Promise<T>,
): Promise<T> {
  const endings: (() => unknown)[] = [];
  try {
    return await work(await openEnvironment(folder, template, options, endings));
  } finally {
    for (const end of endings.reverse()) await end();
  }
}

async function openEnvironment(
  folder: string,
  template: string,
  { prepare = async () => {}, ...variables }: EnvironmentOptions,
  endings: (() => unknown)[],
): Promise<Environment> {
  const dataFolder = join(folder, "data");
  await mkdir(dataFolder, { mode: 0o711 });
  endings.push((await prepare(dataFolder)) ?? (() => {}));
  await promisify(execFile)("cp", ["-a", `${template}/.`, dataFolder]);
  const postgresVariables = variables.postgres?.(dataFolder) ?? {};
  const postgres = await startPostgres({ folder: dataFolder, environment: postgresVariables });
  endings.push(postgres.stop);
  const openReplica = async (name: string, index: number) => {
    const proxy = await openProxy(postgres.connection);
    endings.push(proxy.close);
    const replica = await startReplica(name, folder, {
      ...settings,
      DATABASE_URL: toUrl({ ...postgres.connection, port: Number(proxy.connection.port) }),
      ...variables.service?.(dataFolder, index),
    });
    endings.push(replica.stop);
    return [replica, proxy] as const;
  };
  const opened = await Promise.all(["replica-1", "replica-2"].map(openReplica));
  return {
    ...{ folder, dataFolder, postgres },
    replicas: opened.map(([replica]) => replica),
    proxies: opened.map(([, proxy]) => proxy),
    query: (sql) => ask(postgres, sql),
  };
}

/** Creates a migrated database with many models, and stops it, so that its folder can be copied. */
export async function makeTemplate(folder: string): Promise<void> {
  const postgres = await startPostgres({ folder });
  await ask(postgres, "create database llmprices", "postgres");
  await migrateUp(postgres.connection);
  await ask(
    postgres,
    `insert into providers (name) values ('acme'), ('imported');
    insert into models (provider, name)
      select 'acme', 'model-' || i from generate_series(1, ${modelCount}) i;`,
  );
  postgres.signal("SIGINT");
  await postgres.ended();
  await writeFile(join(folder, "postgres.log"), "");
}

/** Runs one statement, or several, over a new connection. */
export async function ask({ connection }: Postgres, sql: string, database = connection.database) {
  const client = new pg.Client({ ...connection, database });
  client.on("error", () => undefined);
  await client.connect();
  try {
    const { rows } = await client.query(sql);
    return rows ?? [];
  } finally {
    await client.end();
  }
}

const modelCount = 50_000;
/** Faults of 5 seconds outlast the time that a price book may be stale. */
const settings = { MAX_BOOK_STALENESS_MS: "2500", SHUTDOWN_GRACE_MS: "5000" };
