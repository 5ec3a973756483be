import type { Knex } from "knex";
import { createDatabase, type DatabaseConnection } from "../../src/store/connection/pool.js";
import { migrateUp } from "../../src/store/schema/migrator.js";
import { atMost, type Bench, type Section, withLoad } from "../section.js";
import { toUrl } from "../support/database.js";
import { startLoad } from "../support/load-process.js";
import { startService } from "../support/service.js";
import { fillBook } from "./fill.js";
import type { BookJob, BookRun } from "./load-book.js";

/** Measures look-ups, memory and time to readiness by the number of keys. */
export async function measureBook(bench: Bench): Promise<Section> {
  const results: (BookRun & { readonly keys: number; readonly readySeconds: number })[] = [];
  for (const keys of bench.isLong ? longSizes : shortSizes) {
    // A new process for each size, so that memory of the previous size does not count.
    const load = startLoad<BookJob, BookRun>(new URL("load-book.ts", import.meta.url), undefined);
    const run = await withLoad(load, (process) => process.run({ keys }));
    results.push({ keys, ...run, readySeconds: await timeStart(bench, keys) });
  }
  const [small, , large] = results;
  if (small === undefined || large === undefined) throw new Error("three sizes are measured");
  const most = large.keys.toLocaleString("en-US");
  return {
    title: "The price book",
    text: `Keys with two revisions each. Look-ups: of keys drawn uniformly from all, and of 1,000 keys looked up
repeatedly. Four patterns miss: the same 1,000 keys, for an account and a price list that have prices for four
beginnings of other names. Ready: from the start of the process, without the embedded database, to the startup banner,
which the service prints when the price book is loaded.`,
    head: [
      "keys",
      "look-up, any",
      "look-up, few",
      "four patterns miss",
      "memory a key",
      "start to ready",
    ],
    rows: results.map(({ keys, anyNanoseconds, fewNanoseconds, missingNanoseconds, ...rest }) => [
      keys.toLocaleString("en-US"),
      `${anyNanoseconds.toFixed(0)} ns`,
      `${fewNanoseconds.toFixed(0)} ns`,
      `${missingNanoseconds.toFixed(0)} ns`,
      `${rest.bytesAKey.toFixed(0)} B`,
      `${rest.readySeconds.toFixed(1)} s`,
    ]),
    targets: [
      atMost(
        `look-up at ${most} keys ÷ at 1,000, keys drawn from all`,
        ...([large.anyNanoseconds / small.anyNanoseconds, 1.5, 1.1] as const),
      ),
      atMost(
        `look-up at ${most} keys ÷ at 1,000, a thousand keys in use`,
        ...([large.fewNanoseconds / small.fewNanoseconds, 1.5, 1.1] as const),
      ),
      atMost(
        `look-up with an account, a price list and four patterns that miss ÷ without, at ${most} keys`,
        ...([large.missingNanoseconds / large.fewNanoseconds, 1.5, 1.2] as const),
      ),
      atMost(`memory a key at ${most} keys`, large.bytesAKey, 500, 250, " bytes"),
      atMost(`start to ready with ${most} keys`, large.readySeconds, 10, 4, " s"),
    ],
    problems: results.flatMap(({ problem }) => problem ?? []),
  };
}

async function timeStart({ folder, connection }: Bench, keys: number): Promise<number> {
  const database = `book_${keys}`;
  await withKnex(connection, (knex) => knex.raw(`create database ${database}`));
  const own = { ...connection, database };
  await migrateUp(own);
  await withKnex(own, (knex) => fillBook(knex, keys));
  const startedAt = performance.now();
  const service = await startService(folder, { DATABASE_URL: toUrl(own) });
  const seconds = (performance.now() - startedAt) / 1000;
  await service.stop();
  await withKnex(connection, (knex) => knex.raw(`drop database ${database} with (force)`));
  return seconds;
}

async function withKnex(
  connection: DatabaseConnection,
  run: (knex: Knex) => Promise<unknown>,
): Promise<void> {
  const knex = createDatabase({ connection, poolSize: 1, acquireTimeoutMs: 10_000 });
  try {
    await run(knex);
  } finally {
    await knex.destroy();
  }
}

const shortSizes = [1000, 10_000, 100_000];
const longSizes = [1000, 100_000, 1_000_000];
