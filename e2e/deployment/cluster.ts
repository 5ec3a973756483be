import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { outputOf } from "../third-party/command.js";

/** A PostgreSQL server of Debian's, with passwords, and its programs. */
export type Cluster = {
  readonly port: number;
  readonly dataFolder: string;
  /** Where a role finds a database; every role's password is `secret`. */
  readonly url: (role: string, database: string) => string;
  /** Runs psql on a file of deploy/postgres, or with other arguments. */
  readonly psql: (role: string, database: string, ...args: readonly string[]) => Promise<string>;
  /** Runs another program that gets the address of the server. */
  readonly run: (program: string, ...args: readonly string[]) => Promise<string>;
  readonly stop: () => Promise<void>;
};

/** Makes a cluster in an empty folder, and starts it. The superuser is `postgres`. */
export async function createCluster(
  folder: string,
  settings: readonly string[] = [],
): Promise<Cluster> {
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
  return startCluster(dataFolder, settings);
}

/** Starts a cluster that is there, with settings like `-cfsync=off`, and waits until it answers. */
export async function startCluster(
  dataFolder: string,
  settings: readonly string[] = [],
): Promise<Cluster> {
  const port = await freePort();
  const address = [`-p${port}`, "-clisten_addresses=127.0.0.1", "-cunix_socket_directories="];
  const options = [...address, "-cmax_connections=50", ...settings];
  const logPath = join(dirname(dataFolder), "postgres.log");
  const log = openSync(logPath, "a");
  const postgres = spawn(
    "setpriv",
    [...asPostgres, programOf("postgres"), "-D", dataFolder, ...options],
    { stdio: ["ignore", "ignore", log] },
  );
  const cluster = clusterAt(port);
  closeSync(log);
  await untilReady(postgres, logPath, () => cluster.run("pg_isready", "--quiet"));
  return { ...cluster, dataFolder, stop: () => stop(postgres) };
}

/** A server that others have started, whose superuser's password is `secret` as well. */
export function clusterAt(port: number): Omit<Cluster, "dataFolder" | "stop"> {
  const where = ["PGHOST=127.0.0.1", `PGPORT=${port}`, "PGUSER=postgres", "PGPASSWORD=secret"];
  const run = (program: string, ...args: readonly string[]) =>
    outputOf("env", [...where, programOf(program), ...args]);
  const url = (role: string, database: string) =>
    `postgres://${role}:secret@127.0.0.1:${port}/${database}`;
  const psql = (role: string, database: string, ...args: readonly string[]) =>
    run("psql", "-qtAX", "-v", "ON_ERROR_STOP=1", url(role, database), ...args);
  return { port, url, psql, run };
}

/** The program of the newest PostgreSQL here. */
export function programOf(name: string): string {
  const versions = "/usr/lib/postgresql";
  const newest = readdirSync(versions).sort((one, other) => Number(other) - Number(one))[0];
  return join(versions, String(newest), "bin", name);
}

/** PostgreSQL does not run as root. */
export const asPostgres = ["--reuid=postgres", "--regid=postgres", "--init-groups"];

async function untilReady(
  server: ChildProcess,
  logPath: string,
  ask: () => Promise<unknown>,
): Promise<void> {
  while (server.exitCode === null && server.signalCode === null) {
    const isReady = await ask().then(
      () => true,
      () => false,
    );
    if (isReady) return;
    await wait(50);
  }
  throw new Error(`PostgreSQL did not start:\n${readFileSync(logPath, "utf8").slice(-1000)}`);
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
