import { readFileSync } from "node:fs";
import type { Knex } from "knex";
import { createDatabase, type DatabaseConnection } from "../../src/store/connection/pool.js";
import { migrateUp } from "../../src/store/schema/migrator.js";
import { createTestDatabase } from "./postgres.js";

/** A database set up by the SQL of deploy/postgres, and connections as each of its roles. */
export type GuardedDatabase = {
  readonly owner: DatabaseConnection;
  readonly service: DatabaseConnection;
  /** The server's superuser, in the same database. */
  readonly admin: Knex;
  readonly drop: () => Promise<void>;
};

/** Creates a database and its roles. Roles belong to the whole server, so their names are unique. */
export async function createGuardedDatabase(): Promise<GuardedDatabase> {
  const database = await createTestDatabase({ empty: true });
  const { connection, knex: admin } = database;
  const prefix = `${connection.database}_`;
  const sqlOf = (name: string) =>
    readFileSync(new URL(`../../deploy/postgres/${name}`, import.meta.url), "utf8").replaceAll(
      "llmprices_",
      prefix,
    );
  const logIn = (role: string) => ({ ...connection, user: prefix + role, password: "secret" });
  await admin.raw(sqlOf("roles.sql"));
  for (const role of ["owner", "service_a"]) {
    await admin.raw(`alter role ${prefix}${role} password 'secret'`);
  }
  const owner = logIn("owner");
  await migrateUp(owner);
  await asOnly(owner, (knex) => knex.raw(sqlOf("grants.sql")));
  return {
    ...{ owner, service: logIn("service_a"), admin },
    drop: async () => {
      await database.drop();
      const elsewhere = { ...connection, database: "postgres" };
      const roles = ["owner", "service_a", "service_b", "service"].map((role) => prefix + role);
      await asOnly(elsewhere, (knex) => knex.raw(`drop role ${roles.join(", ")}`));
    },
  };
}

/** Passes a connection to `work`, and closes the connection afterwards. */
async function asOnly<T>(
  connection: DatabaseConnection,
  work: (knex: Knex) => Promise<T>,
): Promise<T> {
  const knex = createDatabase({ connection, poolSize: 1, acquireTimeoutMs: 10_000 });
  try {
    return await work(knex);
  } finally {
    await knex.destroy();
  }
}
