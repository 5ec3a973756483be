import type pg from "pg";
import { isLockTimeout } from "../connection/postgres-errors.js";

/** Gets a sentence about the migrator that has the lock. */
export type OnWait = (message: string) => void;

/**
 * Takes the lock that one migrator has at a time, and keeps it until the connection is closed. Calls
 * `onWait` when it has to wait.
 *
 * @throws Error naming the holder when the lock is not free after `waitMs`.
 */
export async function takeMigratorLock(
  client: pg.Client,
  onWait: OnWait,
  waitMs: number,
): Promise<void> {
  const attempt = `select pg_try_advisory_lock(${lockNumber}) as taken`;
  const { rows } = await client.query<{ readonly taken: boolean }>(attempt);
  if (rows[0]?.taken) return;
  const holder = await describeHolder(client);
  onWait(`waiting for another migrator: ${holder}`);
  try {
    await client.query(
      `set lock_timeout to ${waitMs}; select pg_advisory_lock(${lockNumber}); set lock_timeout to 0`,
    );
  } catch (error) {
    if (!isLockTimeout(error)) throw error;
    const message = `another migrator has not ended in ${waitMs / 1000} seconds: ${holder}`;
    throw new Error(message, { cause: error });
  }
}

/** SQL that gives the lock back. */
export const releaseMigratorLock = "select pg_advisory_unlock_all()";

async function describeHolder(client: pg.Client): Promise<string> {
  const { rows } = await client.query<Holder>(holderSql);
  const [holder] = rows;
  if (holder === undefined) return "it has just ended";
  const { pid, application, role, since } = holder;
  return (
    `process ${pid} of PostgreSQL, application "${application}", role "${role}", ` +
    `connected since ${since?.toISOString() ?? "an unknown time"}; ` +
    `if it is no migrator any more, end it with "select pg_terminate_backend(${pid})"`
  );
}

type Holder = {
  readonly pid: number;
  readonly application: string;
  readonly role: string;
  /** Null: this role may not see it. */
  readonly since: Date | null;
};

// The number is arbitrary; only migrators of this service use it.
const lockNumber = 7236119;

const holderSql = `
  select pid, coalesce(application_name, '') as application, coalesce(usename, '') as role,
    backend_start as since
  from pg_locks
  join pg_stat_activity using (pid)
  where locktype = 'advisory' and granted and classid = 0 and objid = ${lockNumber}
    and database = (select oid from pg_database where datname = current_database())`;
