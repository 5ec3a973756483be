import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { outputOf } from "../tools/command.js";

/** A PostgreSQL server of Debian's, with passwords, and its programs. */
export type Cluster = {
  readonly port: number;
  readonly dataFolder: string;
  /** Where a role finds a database; every role's password is `secret`. */
  readonly url: (role: string, database: string) => string;
  /** Runs psql on a file of deploy/postgres, or with other arguments. */
  readonly psql: (role: string, database: string, ...args: readonly string[]) => Promise<string>;
  /** Runs another program, told where the server is. */
  readonly run: (program: string, ...args: readonly string[]) => Promise<string>;
  readonly stop: () => Promise<void>;
};

/** Makes a cluster in an empty folder, and starts it. The superuser is `postgres`. */
export async function createCluster(folder: string): Promise<Cluster> {
  const dataFolder = join(folder, "data");
  mkdirSync(dataFolder, { recursive: true });
  const passwordFile = join(folder, "password");
  writeFileSync(passwordFile, "secret\n");
  await outputOf("chown", ["-R", "postgres", folder]);
  const options = ["--auth=scram-sha-256", "--username=postgres", "--no-sync", "--encoding=UTF8"];
  await outputOf("setpriv", [
    ...[...asPostgres, programOf("initdb"), "-D", dataFolder],
    ...[...options, `--pwfile=${passwordFile}`],
  ]);
  return startCluster(dataFolder);
}

/** Starts a cluster that is there, and waits until it answers. */
export async function startCluster(dataFolder: string): Promise<Cluster> {
  const port = await freePort();
  const options = [`-p${port}`, "-clisten_addresses=127.0.0.1", "-cunix_socket_directories="];
  const postgres = spawn(
    "setpriv",
    [...asPostgres, programOf("postgres"), "-D", dataFolder, ...options],
    { stdio: "ignore" },
  );
  const environment = { ...process.env, PGHOST: "127.0.0.1", PGPORT: String(port) };
  const run = (program: string, ...args: readonly string[]) =>
    outputOf("env", [...toWords(environment), programOf(program), ...args]);
  await untilReady(postgres, () => run("pg_isready", "--quiet"));
  const url = (role: string, database: string) =>
    `postgres://${role}:secret@127.0.0.1:${port}/${database}`;
  const psql = (role: string, database: string, ...args: readonly string[]) =>
    run("psql", "-qtAX", "-v", "ON_ERROR_STOP=1", url(role, database), ...args);
  return { port, dataFolder, url, psql, run, stop: () => stop(postgres) };
}

/** The program of the newest PostgreSQL here. */
export function programOf(name: string): string {
  const versions = "/usr/lib/postgresql";
  const newest = readdirSync(versions).sort((one, other) => Number(other) - Number(one))[0];
  return join(versions, String(newest), "bin", name);
}

/** PostgreSQL does not run as root. */
export const asPostgres = ["--reuid=postgres", "--regid=postgres", "--init-groups"];

async function untilReady(server: ChildProcess, ask: () => Promise<unknown>): Promise<void> {
  while (server.exitCode === null && server.signalCode === null) {
    const isReady = await ask().then(
      () => true,
      () => false,
    );
    if (isReady) return;
    await wait(50);
  }
  throw new Error("PostgreSQL did not start");
}

async function stop(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return;
  const exit = once(server, "exit");
  // Without waiting for clients.
  server.kill("SIGINT");
  await exit;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { readonly port: number };
  server.close();
  await once(server, "close");
  return port;
}

function toWords(environment: Readonly<Record<string, string | undefined>>): string[] {
  return Object.entries(environment).map(([name, value]) => `${name}=${value ?? ""}`);
}
