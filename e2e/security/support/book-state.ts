import type { Knex } from "knex";

/** The number of rows and a digest of every table. */
export type BookState = {
  readonly version: bigint;
  readonly tables: Readonly<Record<string, string>>;
};

/** Reads the prices in the database. */
export async function readBookState(knex: Knex): Promise<BookState> {
  const { version } = await knex("price_book").first("version");
  const names: string[] = await knex("information_schema.tables")
    .where({ table_schema: "public", table_type: "BASE TABLE" })
    .orderBy("table_name")
    .pluck("table_name");
  const digests = names.map(async (name) => {
    const { rows } = await knex.raw(
      "select count(*) || ' rows, ' || coalesce(md5(string_agg(md5(t::text), '' order by t::text)), '')" +
        " as digest from ?? as t",
      [name],
    );
    return [name, String(rows[0].digest)] as const;
  });
  return { version: BigInt(version), tables: Object.fromEntries(await Promise.all(digests)) };
}

/** Returns the differences, one line for each table. */
export function changesBetween(before: BookState, after: BookState): readonly string[] {
  const names = Object.keys({ ...before.tables, ...after.tables });
  return names
    .filter((name) => before.tables[name] !== after.tables[name])
    .map((name) => `${name} had ${before.tables[name]}, has ${after.tables[name]}`);
}
