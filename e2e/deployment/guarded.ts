import { fileURLToPath } from "node:url";
import { type BenchedService, startService } from "../../bench/support/service.js";
import { outputOf } from "../third-party/command.js";
import type { Cluster } from "./cluster.js";

/** A server of PostgreSQL. */
export type Server = Omit<Cluster, "dataFolder" | "stop">;

/** Sets up a database as docs/operations.md says. Every role has the password `secret`. */
export async function setUpDatabase(cluster: Server, database: string): Promise<void> {
  await cluster.psql("postgres", "postgres", "-c", `create database ${database}`);
  await cluster.psql("postgres", database, "-f", sqlFile("roles.sql"));
  process.env.LLMPRICES_OWNER_PASSWORD = "secret";
  process.env.LLMPRICES_SERVICE_PASSWORD = "secret";
  await cluster.psql("postgres", database, "-f", sqlFile("passwords.sql"));
}

/** Migrates a database with a program, by default ours, and grants the rights. */
export async function migrate(
  cluster: Server,
  database: string,
  program = "dist/src/main.js",
): Promise<void> {
  const settings = [`DATABASE_URL=${cluster.url("llmprices_owner", database)}`];
  await outputOf("env", [...settings, process.execPath, program, "migrate", "up"]);
  await cluster.psql("llmprices_owner", database, "-f", sqlFile("grants.sql"));
}

/** Starts the service as in production, with the rights of its role. */
export function serveOn(
  cluster: Server,
  database: string,
  folder: string,
  role = "llmprices_service_a",
  program = "dist/src/main.js",
): Promise<BenchedService> {
  return startService(folder, { DATABASE_URL: cluster.url(role, database) }, { program });
}

/** Returns the path of a file of deploy/postgres. */
export function sqlFile(name: string): string {
  return fileURLToPath(new URL(`../../deploy/postgres/${name}`, import.meta.url));
}
