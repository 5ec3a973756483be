import type { Logger } from "pino";
import type { Config } from "./config.js";
import { fillExampleBook } from "./embedded/example-book.js";
import { startEmbeddedPostgres } from "./embedded/postgres.js";
import { greet } from "./server/greeting.js";
import { startServer } from "./server/server.js";
import { createDatabase, type DatabaseConnection } from "./store/database.js";
import { migrateUp } from "./store/migrate.js";

/** A running service, and what it says when it is up. */
export type Service = { readonly greeting: string; readonly stop: () => Promise<void> };

/** Starts the service with the database that the configuration names, or an embedded one. */
export async function serve(config: Config, log: Logger): Promise<Service> {
  const database = await findDatabase(config, log);
  const knex = createDatabase({
    connection: database.connection,
    poolSize: config.databasePoolSize,
    acquireTimeoutMs: config.maxCallTimeoutMs,
  });
  const closeDatabase = async () => {
    await knex.destroy();
    await database.stop();
  };
  try {
    const isFilled = config.database === undefined && (await fillExampleBook(knex));
    if (isFilled) log.info("filled the empty database with an example price book");
    const server = await startServer(config, { knex, connection: database.connection }, log);
    const stop = async () => {
      await server.stop();
      await closeDatabase();
    };
    return { greeting: await greet(server, knex), stop };
  } catch (error) {
    await closeDatabase();
    throw error;
  }
}

type Database = { readonly connection: DatabaseConnection; readonly stop: () => Promise<void> };

/** A database of others is never migrated here: `migrate` does that. */
async function findDatabase(config: Config, log: Logger): Promise<Database> {
  if (config.database !== undefined) return { connection: config.database, stop: async () => {} };
  const embedded = await startEmbeddedPostgres({
    dataDir: config.dataDir,
    log: (message) => log.info(message),
  });
  try {
    await migrateUp(embedded.connection);
    return embedded;
  } catch (error) {
    await embedded.stop();
    throw error;
  }
}
