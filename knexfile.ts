import { readDatabaseUrl } from "./src/config/config.js";
import { migratorConfig } from "./src/store/schema/migrator.js";

const connection = readDatabaseUrl();
if (connection === undefined)
  throw new Error("DATABASE_URL is not set: which database to migrate?");

/** Configures Knex's command line: `npm run knex -- migrate:latest`. */
export default migratorConfig(connection, { onWait: console.error });
