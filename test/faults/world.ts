import { execFile } from "node:child_process";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import pg from "pg";
import { toUrl } from "../../bench/support/database.js";
import { migrateUp } from "../../src/store/migrate.js";
import { type DatabaseProxy, openProxy } from "../support/proxy.js";
import { type Postgres, startPostgres } from "./postgres.js";
import { type Replica, startReplica } from "./replica.js";

/** A database and two replicas on it, each through a network of its own. */
export type World = {
  readonly folder: string;
  readonly postgres: Postgres;
  readonly proxies: readonly DatabaseProxy[];
  readonly replicas: readonly Replica[];
  /** Asks the database past the networks. */
  readonly query: (sql: string) => Promise<readonly Record<string, unknown>[]>;
};

export type WorldOptions = {
  readonly settings?: Readonly<Record<string, string>>;
  readonly postgresEnvironment?: Readonly<Record<string, string>>;
  /** Called with the folder that the database is going to be in. */
  readonly prepare?: (folder: string) => Promise<void>;
};

/** Makes a world in a folder of its own, a copy of `template`, and hands it to `work`. */
export async function withWorld<T>(
  folder: string,
  template: string,
  options: WorldOptions,
  work: (world: World) => Promise<T>,
): Promise<T> {
  const { settings = {}, postgresEnvironment = {}, prepare = async () => {} } = options;
  const data = join(folder, "data");
  await mkdir(data);
  await chmod(data, 0o711);
  await prepare(data);
  await promisify(execFile)("cp", ["-a", `${template}/.`, data]);
  const endings: (() => unknown)[] = [];
  try {
    const postgres = await startPostgres({ folder: data, environment: postgresEnvironment });
    endings.push(postgres.stop);
    const proxies = [
      await openProxy(postgres.connection),
      await openProxy(postgres.connection),
    ] as const;
    for (const { close } of proxies) endings.push(close);
    const replicas = await Promise.all(
      proxies.map(async ({ connection }, i) => {
        const url = toUrl({ ...postgres.connection, port: Number(connection.port) });
        const replica = await startReplica(`replica-${i + 1}`, folder, {
          ...{ DATABASE_URL: url, MAX_BOOK_STALENESS_MS: "2500", SHUTDOWN_GRACE_MS: "5000" },
          ...settings,
        });
        endings.push(replica.stop);
        return replica;
      }),
    );
    const query = (sql: string) => ask(postgres, sql);
    return await work({ folder, postgres, proxies, replicas, query });
  } finally {
    for (const end of endings.reverse()) await end();
  }
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

async function ask({ connection }: Postgres, sql: string, database = connection.database) {
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
