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

/** A PostgreSQL server on loopback that runs as long as this process. */
export type EmbeddedPostgres = {
  /**
   * The connection settings for knex and pg. They stay valid when the server restarts after a
   * crash.
   */
  readonly connection: {
    readonly host: string;
    readonly port: number;
    readonly user: string;
    readonly password: string;
    readonly database: string;
    /** Explicit, because pg otherwise uses PGSSLMODE. */
    readonly ssl: false;
  };
  /** Stops the server and waits for its end. Further calls have no effect. */
  stop(): Promise<void>;
};

export type EmbeddedPostgresOptions = {
  /**
   * Created when missing. PostgreSQL's data directory is at `postgres` in it, possibly as a link.
   */
  readonly dataDir: string;
  /** PostgreSQL settings that extend or override the defaults. */
  readonly settings?: Readonly<Record<string, string>>;
  readonly log: (message: string) => void;
};

const DATABASE = "llmprices";
const START_ATTEMPTS = 6;
// Another process has taken the port, another instance was faster, or a process of a killed server
// still runs.
const TRANSIENT = /Address already in use|lock file|shared memory block/;

/**
 * Starts PostgreSQL on `dataDir` and restarts it when it ends. It runs as the OS user `postgres`
 * when this process is root. Of several instances on one `dataDir` exactly one succeeds.
 *
 * @throws Error with a message for the operator.
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
  const pgData = await openDataDirectory({ dataDir, binaries, user, durable, log });

  const { postgres } = binaries;
  const { plan, server } = await startOnFreePort(
    { pgData, dataDir, postgres, settings, user },
    log,
  );
  try {
    await ensureDatabase(plan);
  } catch (error) {
    await server.stop();
    throw error;
  }
  const stop = supervise(server, () => startExclusively(plan, log), log);
  const { password } = pgData;
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
    // As root: lets PostgreSQL's OS user pass to its own subdirectory, which only that user can
    // enter.
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

async function startOnFreePort(
  parts: Omit<ServerPlan, "port">,
  log: (message: string) => void,
): Promise<{ plan: ServerPlan; server: Server }> {
  for (let attempt = 1; ; attempt += 1) {
    const plan = { ...parts, port: await findFreePort() };
    try {
      return { plan, server: await startExclusively(plan, log) };
    } catch (error) {
      if (attempt === START_ATTEMPTS || !TRANSIENT.test((error as Error).message)) throw error;
      await sleep(attempt * 100);
    }
  }
}

async function startExclusively(plan: ServerPlan, log: (message: string) => void): Promise<Server> {
  await stopStaleServer(plan.pgData.folder, plan.dataDir, log);
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
