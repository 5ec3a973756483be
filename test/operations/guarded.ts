import { fileURLToPath } from "node:url";
import type { Cluster } from "./cluster.js";

/** A database that was set up as docs/operations.md says; every role's password is `secret`. */
export async function setUpDatabase(cluster: Cluster, database: string): Promise<void> {
  await cluster.psql("postgres", "postgres", "-c", `create database ${database}`);
  await cluster.psql("postgres", database, "-f", sqlFile("roles.sql"));
  process.env.LLMPRICES_OWNER_PASSWORD = "secret";
  process.env.LLMPRICES_SERVICE_PASSWORD = "secret";
  await cluster.psql("postgres", database, "-f", sqlFile("passwords.sql"));
}

/** A file of deploy/postgres. */
export function sqlFile(name: string): string {
  return fileURLToPath(new URL(`../../deploy/postgres/${name}`, import.meta.url));
}
