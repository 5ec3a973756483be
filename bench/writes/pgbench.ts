import { execFile } from "node:child_process";
import { readdirSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import type { DatabaseConnection } from "../../src/store/connection/pool.js";
import type { RecordedWrite } from "./recorded-statements.js";

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

/** Runs pgbench with the statements of writes, one write per client. Returns the writes per second. */
export async function pgbenchWrites(
  pgbench: string,
  folder: string,
  { host, port, user, password, database }: DatabaseConnection,
  recorded: readonly RecordedWrite[],
  seconds: number,
): Promise<number> {
  const script = join(folder, "update.sql");
  await writeFile(script, toScript(recorded));
  const flags = [
    "--no-vacuum",
    "--protocol=prepared",
    `--client=${recorded.length}`,
    `--time=${seconds}`,
  ];
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

/**
 * Returns a script with the recorded statements of one write per client. Each value becomes what it
 * was in the write: the key's id, the price, a column of an earlier result, or a constant.
 *
 * @throws Error when a value differs between the writes and is none of these.
 */
function toScript(writes: readonly RecordedWrite[]): string {
  const [write, other] = writes.slice(-2) as [RecordedWrite, RecordedWrite];
  const ids = writes.map(({ id }, i) => `when ${i} then '${id}'`).join(" ");
  const columns = new Map<string, string>();
  const toSql = (value: unknown, same: boolean): string => {
    const text = toText(value);
    if (value === null) return "null";
    if (text === write.price) return ":new_price";
    const column = columns.get(text);
    if (!same && column !== undefined) return `:${column}`;
    if (text === write.id) return `cast(case cast(:client_id as integer) ${ids} end as uuid)`;
    // pgbench would look for variables in it.
    if (same && !/[:']/.test(text)) return `'${text}'`;
    throw new Error(`pgbench cannot send ${text}`);
  };
  const statements = write.statements.map(({ sql, bindings, row }, i) => {
    const isSame = (n: number) =>
      toText(bindings[n]) === toText(other.statements[i]?.bindings[n] ?? null);
    const values = bindings.map((value, n) => toSql(value, isSame(n)));
    for (const [column, value] of Object.entries(row)) columns.set(toText(value), column);
    const text = sql.replaceAll(/\$(\d+)/g, (_, n) => values[Number(n) - 1] ?? "");
    // The last row of a result.
    return `${text} \\aset\n`;
  });
  return `\\set new_price random(1, 1000)\n${statements.join("")}`;
}

function toText(value: unknown): string {
  if (value instanceof Date) return value.toISOString();
  return Array.isArray(value) ? `{${value}}` : String(value);
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
