import { execFile } from "node:child_process";
import { readdirSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import type { DatabaseConnection } from "../../src/store/connection/pool.js";
import { type BenchKey, writers } from "./keys.js";

/** Finds pgbench(1) on the PATH or in Debian's folders. @throws Error when it is missing. */
export async function findPgbench(): Promise<string> {
  const candidates = ["pgbench", ...debianFolders().map((folder) => join(folder, "bin/pgbench"))];
  for (const path of candidates) {
    const found = await run(path, ["--version"]).then(
      () => true,
      () => false,
    );
    if (found) return path;
  }
  throw new Error("pgbench is missing: it comes with PostgreSQL (Debian's package postgresql)");
}

/** Runs pgbench with the statements of UpdateLLMPrice. Returns the writes per second. */
export async function pgbenchWrites(
  pgbench: string,
  folder: string,
  { host, port, user, password, database }: DatabaseConnection,
  keys: readonly BenchKey[],
  seconds: number,
): Promise<number> {
  const script = join(folder, "update.sql");
  await writeFile(script, toScript(keys));
  const flags = ["--no-vacuum", "--protocol=prepared", `--client=${writers}`, `--time=${seconds}`];
  const { stdout } = await run(
    pgbench,
    [
      ...flags,
      `--file=${script}`,
      `--host=${host}`,
      `--port=${port}`,
      `--username=${user}`,
      `${database}`,
    ],
    { env: { ...process.env, PGPASSWORD: String(password ?? "") } },
  );
  const rate = Number(/^tps = ([\d.]+)/m.exec(stdout)?.[1]);
  if (/^number of failed transactions: 0 /m.test(stdout) && rate > 0) return rate;
  throw new Error(`pgbench did not write:\n${stdout}`);
}

/** Returns a script with exactly the statements of UpdateLLMPrice, one round trip each. */
function toScript(keys: readonly BenchKey[]): string {
  const ids = keys.map(({ id }, i) => `when ${i} then '${id}'`).join(" ");
  return `\\set n random(0, ${keys.length - 1})
\\set price random(1, 1000)
begin isolation level read committed;
select pg_backend_pid() as pid,
  set_config('statement_timeout', coalesce('30000', current_setting('statement_timeout')), true),
  set_config('lock_timeout', coalesce(null, current_setting('lock_timeout')), true);
select * from llm_prices where id = cast(case cast(:n as integer) ${ids} end as uuid) limit 1 \\gset
select version, changed_at as now,
  set_config('idle_in_transaction_session_timeout', '5s', true),
  set_config('llmprices.correct_past', 'off', true)
  from raise_book_version() \\gset
select key.book_version, revision.effective_from, revision.price, exists (
    select from llm_price_revisions
    where llm_price_id = key.id and book_version < :version
  ) as has_history
  from llm_prices key
  left join llm_price_revisions revision
    on revision.llm_price_id = key.id and revision.superseded_in is null
    and (cast('false' as boolean) or revision.effective_from >= coalesce((
      select max(effective_from) from llm_price_revisions
      where llm_price_id = :id and superseded_in is null and effective_from <= :now
    ), '-infinity'))
  where key.id = :id
  order by revision.effective_from;
insert into llm_price_revisions (llm_price_id, effective_from, price, changed_by, reason)
  values (:id, :now, :price, 'bench', '');
with book as (
    select version as newest, coalesce(cast(:version as bigint), version) as version, coalesce(
      cast(:now as timestamptz), greatest(instant_now(), changed_at)
    ) at
    from price_book
  )
  select book.newest, book.version as book_version, book.at, found.*
  from book left join lateral (
    select key.id, key.charge_type, key.provider, key.model, key.created_at, key.updated_at,
      revision.price, revision.effective_from,
      (
        select min(later.effective_from) from llm_price_revisions later
        where later.llm_price_id = key.id and later.effective_from > book.at and ${said("later")}
      ) as effective_until,
      case when key.book_version <= book.version then key.book_version else (
        select max(case when change.superseded_in <= book.version then change.superseded_in
          else change.book_version end)
        from llm_price_revisions change
        where change.llm_price_id = key.id and change.book_version <= book.version
      ) end as timeline_version
    from llm_prices key
    cross join lateral (
      select * from llm_price_revisions begun
      where begun.llm_price_id = key.id and begun.effective_from <= book.at and ${said("begun")}
      order by begun.effective_from desc
      limit 1
    ) revision
    where revision.price is not null and key.id = :id
    order by key.charge_type, key.provider, key.model
    limit 1
  ) found on true
  order by found.charge_type, found.provider, found.model;
commit;
`;
}

function said(revision: string): string {
  return `${revision}.book_version <= book.version and (
    ${revision}.superseded_in is null or ${revision}.superseded_in > book.version
  )`;
}

function debianFolders(): string[] {
  const root = "/usr/lib/postgresql";
  try {
    return readdirSync(root).map((version) => join(root, version));
  } catch {
    return [];
  }
}

const run = promisify(execFile);
