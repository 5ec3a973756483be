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

/** A database and two replicas on it, each through a network of its own. */
export type World = {
  readonly folder: string;
  /** Where the database is. */
  readonly dataFolder: string;
  readonly postgres: Postgres;
  readonly proxies: readonly DatabaseProxy[];
  readonly replicas: readonly Replica[];
  /** Asks the database past the networks. */
  readonly query: (sql: string) => Promise<readonly Record<string, unknown>[]>;
};

export type WorldOptions = {
  /** Environment variables of both replicas. */
  readonly service?: (dataFolder: string) => Readonly<Record<string, string>>;
  readonly postgres?: (dataFolder: string) => Readonly<Record<string, string>>;
  /** Prepares the folder for the database, and may answer what undoes that. */
  // biome-ignore lint/suspicious/noConfusingVoidType: most have nothing to undo.
  readonly prepare?: (dataFolder: string) => Promise<(() => Promise<unknown>) | void>;
};

/** Makes a world in a folder, with a copy of `template`, and hands it to `work`. */
export async function withWorld<T>(
  folder: string,
  template: string,
  options: WorldOptions,
  work: (world: World) => Promise<T>,
): Promise<T> {
  const endings: (() => unknown)[] = [];
  try {
    return await work(await openWorld(folder, template, options, endings));
  } finally {
    for (const end of endings.reverse()) await end();
  }
}

async function openWorld(
  folder: string,
  template: string,
  { prepare = async () => {}, ...environments }: WorldOptions,
  endings: (() => unknown)[],
): Promise<World> {
  const dataFolder = join(folder, "data");
  await mkdir(dataFolder, { mode: 0o711 });
  endings.push((await prepare(dataFolder)) ?? (() => {}));
  await promisify(execFile)("cp", ["-a", `${template}/.`, dataFolder]);
  const environment = environments.postgres?.(dataFolder) ?? {};
  const postgres = await startPostgres({ folder: dataFolder, environment });
  endings.push(postgres.stop);
  const openReplica = async (name: string) => {
    const proxy = await openProxy(postgres.connection);
    endings.push(proxy.close);
    const replica = await startReplica(name, folder, {
      ...settings,
      DATABASE_URL: toUrl({ ...postgres.connection, port: Number(proxy.connection.port) }),
      ...environments.service?.(dataFolder),
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

/** A migrated cluster with many models, stopped, to be copied. */
export async function makeTemplate(folder: string): Promise<void> {
  const postgres = await startPostgres({ folder });
  await ask(postgres, "create database llmprices", "postgres");
  await migrateUp(postgres.connection);
  await ask(
    postgres,
    `insert into providers (name) values ('acme'), ('bulk');
    insert into models (provider, name)
      select 'acme', 'model-' || i from generate_series(1, ${modelCount}) i;`,
  );
  postgres.signal("SIGINT");
  await postgres.ended();
  await writeFile(join(folder, "postgres.log"), "");
}

/** Asks a server one thing, or several, over a connection of its own. */
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
/** Faults that last for 5 seconds are longer than a book may be stale. */
const settings = { MAX_BOOK_STALENESS_MS: "2500", SHUTDOWN_GRACE_MS: "5000" };
