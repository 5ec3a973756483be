import type { Knex } from "knex";
import pg from "pg";
import { withTimeout } from "../../async/with-timeout.js";
import { findProcessId } from "../../library-internals/private-fields.js";

/** The connection settings of `pg`. An object, because Knex would log the password of a URL. */
export type DatabaseConnection = Readonly<Knex.PgConnectionConfig>;

/** The time limits of the statements of a connection. Absent: no limit. */
export type SessionLimits = {
  readonly statementTimeoutMs?: number;
  readonly lockTimeoutMs?: number;
};

/** A database, or the way to it, with which the service does not work. The message says what to do. */
export class UnsuitableDatabase extends Error {
  override readonly name = "UnsuitableDatabase";
}

/** Returns the options with which each client of `pg` connects. */
export function toClientOptions(
  connection: DatabaseConnection,
  applicationName: string,
  connectTimeoutMs: number,
) {
  const { ssl } = connection;
  return {
    application_name: applicationName,
    connectionTimeoutMillis: connectTimeoutMs,
    keepAlive: true,
    ...connection,
    // A copy: pg hides the key of the client's certificate in the object that it gets.
    ...(typeof ssl === "object" ? { ssl: { ...ssl } } : {}),
  };
}

/**
 * Prepares a new connection: sets what the text of a result or the success of a statement depends on,
 * instead of what the server, the database or the role has as default. Every connection goes through
 * this function. A direct connection takes one round trip.
 *
 * @throws UnsuitableDatabase when the database's encoding is not UTF-8, or when a pooler gives each
 * transaction another connection.
 */
export async function prepareSession(
  client: SqlClient,
  connection: DatabaseConnection,
  limits: SessionLimits = {},
): Promise<void> {
  const processId = findProcessId(client);
  const direct = `pg_backend_pid() = ${processId ?? 0}`;
  const { pid, encoding } = await runSql(client, toSql(limits, direct));
  if (encoding !== "UTF8") throw new UnsuitableDatabase(wrongEncoding(encoding));
  // PostgreSQL sends each client its process id. Poolers send another number, or that of one of their servers.
  if (pid === processId) return;
  // Before any setting: it would remain on a connection that others use.
  await requireSessionPooling(client, connection, pid);
  await runSql(client, toSql(limits, "true"));
}

type SqlClient = Pick<pg.Client, "query">;
type Session = { readonly pid: number; readonly encoding: string };

async function runSql(client: SqlClient, sql: string): Promise<Session> {
  const { rows } = await client.query<Session>(sql);
  const [row] = rows;
  if (row === undefined) throw new Error("the database has returned no row");
  return row;
}

/** Returns SQL that sets the settings if `condition` is true. */
function toSql({ statementTimeoutMs = 0, lockTimeoutMs = 0 }: SessionLimits, condition: string) {
  const values = {
    // First, so that a short limit of the role does not end a later statement.
    statement_timeout: statementTimeoutMs,
    lock_timeout: lockTimeoutMs,
    ...settings,
  };
  const set = Object.entries(values).map(
    ([name, value]) => `set_config('${name}', '${value}', false)`,
  );
  return `
    select pg_backend_pid() as pid, getdatabaseencoding() as encoding, case when ${condition} then concat(
      ${set.join(",\n")},
      case when current_setting('server_version_num')::int >= 170000
        then set_config('transaction_timeout', '0', false) end
    ) end`;
}

const settings = {
  idle_in_transaction_session_timeout: 0,
  idle_session_timeout: 0,
  client_encoding: "UTF8",
  standard_conforming_strings: "on",
  timezone: "UTC",
  datestyle: "ISO, MDY",
  intervalstyle: "postgres",
  bytea_output: "hex",
  extra_float_digits: 1,
  array_nulls: "on",
  transform_null_equals: "off",
  // A writer waits for the lock of the price book, and then must read what earlier writers wrote. At a
  // higher isolation level it would fail instead.
  default_transaction_isolation: "read committed",
  default_transaction_read_only: "off",
  default_transaction_deferrable: "off",
};

function wrongEncoding(encoding: string): string {
  return (
    `the database has the encoding ${encoding} instead of UTF8; create another one: ` +
    "create database … encoding 'UTF8' template template0"
  );
}

/**
 * Checks that a pooler keeps one server connection for each client. A second client takes a server
 * connection away with a transaction. In transaction mode that is the one that the first client has
 * used, so that both have the same, or the first gets another one.
 *
 * @throws UnsuitableDatabase
 */
async function requireSessionPooling(
  client: SqlClient,
  connection: DatabaseConnection,
  pid: number,
): Promise<void> {
  if (performance.now() < (checkedUntilMs.get(connection) ?? 0)) return;
  const options = toClientOptions(connection, "llmprices check", checkMs);
  const other = new pg.Client(options as pg.ClientConfig);
  other.on("error", () => undefined);
  try {
    await other.connect();
    for (let round = 0; round < checkRounds; round += 1) {
      const otherPid = await withTimeout(beginTransaction(other), checkMs, () => undefined);
      // Before the next statement, which would wait if the pooler has only this server connection.
      if (otherPid === pid) throw new UnsuitableDatabase(transactionMode);
      const { pid: nextPid } = await runSql(client, toSql({}, "false"));
      if (nextPid !== pid) throw new UnsuitableDatabase(transactionMode);
      // A pooler in session mode without a free server connection.
      if (otherPid === undefined) return;
      await other.query("rollback");
    }
    checkedUntilMs.set(connection, performance.now() + recheckMs);
  } finally {
    // Not awaited: a client that waits for a server connection ends when the pooler notices.
    other.end().catch(() => undefined);
  }
}

async function beginTransaction(client: pg.Client): Promise<number> {
  try {
    await client.query("begin");
  } catch (error) {
    // PgBouncer in statement mode rejects it.
    if ((error as { code?: string }).code !== protocolViolation) throw error;
    throw new UnsuitableDatabase(transactionMode, { cause: error });
  }
  return (await runSql(client, toSql({}, "false"))).pid;
}

const transactionMode =
  "a connection pooler gives each transaction another connection (transaction mode), with which LISTEN, " +
  "named statements and locks of a session do not work; use session mode, or a direct connection";

const protocolViolation = "08P01";
const checkRounds = 3;
const checkMs = 3000;

/** Until when new connections behind a pooler in session mode are not checked, by `performance.now()`. */
const checkedUntilMs = new WeakMap<DatabaseConnection, number>();
const recheckMs = 60_000;
