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
  const flags = ["--no-vacuum", "--protocol=extended", `--client=${writers}`, `--time=${seconds}`];
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

/** Returns a script with exactly the statements of UpdateLLMPrice. */
function toScript(keys: readonly BenchKey[]): string {
  const ids = keys.map(({ id }, i) => `when ${i} then '${id}'`).join(" ");
  return `\\set n random(0, ${keys.length - 1})
\\set price random(1, 1000)
begin isolation level read committed;
select pg_backend_pid() as pid, set_config('statement_timeout', '30000', true);
select version, changed_at as now, extract(epoch from changed_at - clock_timestamp())
  from raise_book_version(interval '1 second') \\gset
select id from llm_prices where id = cast(case cast(:n as integer) ${ids} end as uuid) \\gset
select * from llm_price_revisions where llm_price_id = :id and effective_from >= coalesce((
    select max(effective_from) from llm_price_revisions
    where llm_price_id = :id and effective_from <= :now
  ), '-infinity') order by effective_from;
insert into llm_price_revisions (llm_price_id, effective_from, price, changed_by, reason)
  values (:id, :now, :price, 'bench', '');
commit;
`;
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
