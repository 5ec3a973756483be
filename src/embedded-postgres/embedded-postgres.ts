import { access, constants } from "node:fs/promises";
import { createServer } from "node:net";
import { resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { removeLeftovers } from "./atomic-directory.js";
import { findBinaries } from "./binaries.js";
import { openDataDirectory, SUPERUSER } from "./data-directory.js";
import { ensureDirectory } from "./ensure-directory.js";
import { ensureOsUser, type OsUser } from "./os-user.js";
import { HOST } from "./postgres-settings.js";
import { connect, type Server, type ServerPlan, startServer } from "./server-process.js";
import { stopStaleServer } from "./stale-server.js";
import { supervise } from "./supervisor.js";

/** A PostgreSQL of our own, on loopback, that lives as long as we do. */
export type EmbeddedPostgres = {
  /** For knex and pg. Stays valid when the server is restarted after a crash. */
  readonly connection: {
    readonly host: string;
    readonly port: number;
    readonly user: string;
    readonly password: string;
    readonly database: string;
    /** Said outright, since pg otherwise obeys PGSSLMODE. */
    readonly ssl: false;
  };
  /** Stops the server and waits for it. May be called again. */
  stop(): Promise<void>;
};

export type EmbeddedPostgresOptions = {
  /** Created when absent. The cluster is its subfolder `postgres`, or that is a link to it. */
  readonly dataDir: string;
  /** PostgreSQL settings beside, or instead of, ours. */
  readonly settings?: Readonly<Record<string, string>>;
  readonly log: (message: string) => void;
};

const DATABASE = "llmprices";
const START_ATTEMPTS = 6;
// The port was taken in between, another instance is faster, or a killed server's last process lingers.
const TRANSIENT = /Address already in use|lock file|shared memory block/;

/**
 * Starts PostgreSQL on the data folder and keeps it running, as the OS user `postgres` when we are root.
 * Of several instances on one folder exactly one succeeds.
 * @throws Error, fit to be shown to the operator, when it cannot be done.
 */
export async function startEmbeddedPostgres(
  options: EmbeddedPostgresOptions,
): Promise<EmbeddedPostgres> {
  const { settings = {}, log } = options;
  const dataDir = resolve(options.dataDir);
  const user = await ensureOsUser(log);
  await ensureDataDir(dataDir, user);
  await removeLeftovers(dataDir);
  const binaries = await findBinaries(dataDir, user, log);
  const durable = settings.fsync !== "off";
  const cluster = await openDataDirectory({ dataDir, binaries, user, durable, log });

  const { postgres } = binaries;
  const { plan, server } = await startFirst({ cluster, dataDir, postgres, settings, user }, log);
  try {
    await ensureDatabase(plan);
  } catch (error) {
    await server.stop();
    throw error;
  }
  const stop = supervise(server, () => startAlone(plan, log), log);
  const { password } = cluster;
  return {
    connection: {
      host: HOST,
      port: plan.port,
      user: SUPERUSER,
      password,
      database: DATABASE,
      ssl: false,
    },
    stop,
  };
}

async function ensureDataDir(dataDir: string, user: OsUser | undefined): Promise<void> {
  try {
    // Root's lets PostgreSQL's user pass to its own subfolder, which nobody else can enter.
    await ensureDirectory(dataDir, user === undefined ? 0o700 : 0o711);
    await access(dataDir, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (cause) {
    throw new Error(
      `the data folder ${dataDir} cannot be written (${(cause as Error).message}); ` +
        "set DATA_DIR to a folder that can, or DATABASE_URL to a database",
      { cause },
    );
  }
}

async function startFirst(
  parts: Omit<ServerPlan, "port">,
  log: (message: string) => void,
): Promise<{ plan: ServerPlan; server: Server }> {
  for (let attempt = 1; ; attempt += 1) {
    const plan = { ...parts, port: await findFreePort() };
    try {
      return { plan, server: await startAlone(plan, log) };
    } catch (error) {
      if (attempt === START_ATTEMPTS || !TRANSIENT.test((error as Error).message)) throw error;
      await sleep(attempt * 100);
    }
  }
}

async function startAlone(plan: ServerPlan, log: (message: string) => void): Promise<Server> {
  await stopStaleServer(plan.cluster.folder, plan.dataDir, log);
  return startServer(plan);
}

function findFreePort(): Promise<number> {
  return new Promise((found, failed) => {
    const probe = createServer();
    probe.once("error", failed);
    probe.listen(0, HOST, () => {
      const address = probe.address();
      probe.close(() => found(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}

async function ensureDatabase(plan: ServerPlan): Promise<void> {
  const client = await connect(plan, "postgres");
  try {
    const { rowCount } = await client.query("select from pg_database where datname = $1", [
      DATABASE,
    ]);
    if (rowCount === 0) await client.query(`create database ${DATABASE}`);
  } finally {
    await client.end();
  }
}
