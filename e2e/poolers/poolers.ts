import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdtemp, open, readFile, rm, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { ensureOsUser } from "../../src/embedded-postgres/os-user.js";
import type { DatabaseConnection } from "../../src/store/connection/session.js";

/** A connection pooler between a database and its clients. */
export type Pooler = {
  /** The same database, behind the pooler. */
  readonly connection: DatabaseConnection;
  readonly stop: () => Promise<void>;
};

export type PoolMode = "session" | "transaction" | "statement";

/** Starts PgBouncer with at most `poolSize` connections to the server. */
export function startPgBouncer(
  database: DatabaseConnection,
  mode: PoolMode,
  poolSize: number,
): Promise<Pooler> {
  return startPooler(database, async (folder, port) => {
    const users = join(folder, "users");
    await writeFile(users, `"${database.user}" "${database.password}"\n`, { mode: 0o644 });
    const settings = join(folder, "pgbouncer.ini");
    await writeFile(
      settings,
      `[databases]
* = host=${database.host} port=${database.port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = trust
auth_file = ${users}
pool_mode = ${mode}
default_pool_size = ${poolSize}
`,
    );
    return ["/usr/sbin/pgbouncer", settings];
  });
}

/** Starts Pgpool in front of one server, without load balancing. */
export function startPgpool(database: DatabaseConnection): Promise<Pooler> {
  return startPooler(database, async (folder, port) => {
    const settings = join(folder, "pgpool.conf");
    await writeFile(
      settings,
      `backend_clustering_mode = 'raw'
listen_addresses = '127.0.0.1'
port = ${port}
pcp_port = ${port + 1}
unix_socket_directories = ''
pcp_socket_dir = '${folder}'
work_dir = '${folder}'
logdir = '${folder}'
pid_file_name = '${folder}/pgpool.pid'
backend_hostname0 = '${database.host}'
backend_port0 = ${database.port}
num_init_children = 40
max_pool = 1
enable_pool_hba = off
allow_clear_text_frontend_auth = on
pool_passwd = ''
`,
    );
    return ["/usr/sbin/pgpool", "-n", "-f", settings];
  });
}

async function startPooler(
  database: DatabaseConnection,
  configure: (folder: string, port: number) => Promise<readonly string[]>,
): Promise<Pooler> {
  const folder = await mkdtemp(join(tmpdir(), "llmprices-pooler-"));
  const user = await ensureOsUser(() => {});
  // Neither pooler runs as root.
  await chmod(folder, 0o777);
  const port = await findFreePort();
  const [program = "", ...parameters] = await configure(folder, port);
  const logPath = join(folder, "log");
  const log = await open(logPath, "w");
  const pooler = spawn(program, parameters, {
    ...(user === undefined ? {} : { uid: user.uid, gid: user.gid }),
    cwd: folder,
    stdio: ["ignore", log.fd, log.fd],
  });
  await log.close();
  const connection = { ...database, host: "127.0.0.1", port };
  const stop = async () => {
    await end(pooler);
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await untilReady(connection, pooler);
  } catch (cause) {
    const text = await readFile(logPath, "utf8");
    await stop();
    throw new Error(`${program} does not answer:\n${text.slice(-2000)}`, { cause });
  }
  return { connection, stop };
}

async function untilReady(connection: DatabaseConnection, pooler: ChildProcess): Promise<void> {
  for (let attempt = 0; ; attempt += 1) {
    const client = new pg.Client(connection as pg.ClientConfig);
    client.on("error", () => {});
    try {
      await client.connect();
      await client.query("select 1");
      return;
    } catch (error) {
      if (attempt === maxAttempts || pooler.exitCode !== null) throw error;
      await sleep(100);
    } finally {
      await client.end().catch(() => {});
    }
  }
}

async function end(pooler: ChildProcess): Promise<void> {
  if (pooler.exitCode !== null || pooler.signalCode !== null) return;
  const exit = once(pooler, "exit");
  pooler.kill("SIGINT");
  const timer = setTimeout(() => pooler.kill("SIGKILL"), 5000);
  await exit;
  clearTimeout(timer);
}

async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

const maxAttempts = 100;
