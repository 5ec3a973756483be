import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import pg from "pg";
import { buildService } from "../../bench/support/build.js";
import { createChecks } from "../../bench/support/checks.js";
import { toUrl } from "../../bench/support/database.js";
import { startService, withDataFolder } from "../../bench/support/service.js";
import { addExamplePrices } from "../../src/app/example-prices.js";
import { PricingService } from "../../src/gen/llmprices/v1/pricing_service_pb.js";
import type { DatabaseConnection } from "../../src/store/connection/session.js";
import {
  createTestDatabase,
  startTestServer,
  type TestDatabase,
} from "../../test/support/postgres.js";
import { type Pooler, type PoolMode, startPgBouncer, startPgpool } from "./poolers.js";

/*
 * The service and its migrator behind PgBouncer and Pgpool. Session mode must work. Transaction and
 * statement mode must be rejected with the reason, and must leave no lock and no setting behind.
 */

const checks = createChecks();
await buildService();
const server = await startTestServer();
Object.assign(process.env, server.environment);
try {
  const pgBouncer = (mode: PoolMode, poolSize: number) => (database: DatabaseConnection) =>
    startPgBouncer(database, mode, poolSize);
  await withPooler("PgBouncer, session mode", pgBouncer("session", 40), checkWorks);
  await withPooler("Pgpool", startPgpool, checkWorks);
  for (const mode of ["transaction", "statement"] as const) {
    await withPooler(`PgBouncer, ${mode} mode`, pgBouncer(mode, 20), checkRejected);
    await withPooler(`PgBouncer, ${mode} mode, one connection`, pgBouncer(mode, 1), checkRejected);
  }
  await withPooler("PgBouncer, transaction mode, busy", pgBouncer("transaction", 6), checkBusy);
} finally {
  await server.stop();
}
checks.print();
process.exitCode = checks.failed() === 0 ? 0 : 1;

type Check = (name: string, pooler: Pooler, database: TestDatabase) => Promise<void>;

async function withPooler(
  name: string,
  start: (database: DatabaseConnection) => Promise<Pooler>,
  check: Check,
): Promise<void> {
  const database = await createTestDatabase();
  const pooler = await start(database.connection);
  try {
    await check(name, pooler, database);
  } finally {
    await pooler.stop();
    await database.drop();
  }
}

async function checkWorks(name: string, { connection }: Pooler, database: TestDatabase) {
  await addExamplePrices(database.knex);
  for (const command of ["status", "up", "up"]) {
    const { code, errors } = await migrate(connection, command);
    checks.check(`${name}: migrate ${command} succeeds`, code === 0, errors);
  }
  checks.check(`${name}: no lock is left`, (await countLocks(database)) === 0);
  await withDataFolder(async (folder) => {
    const service = await startService(folder, { DATABASE_URL: toUrl(connection) });
    try {
      const baseUrl = `http://${service.grpcAddress}`;
      const pricing = createClient(PricingService, createGrpcTransport({ baseUrl }));
      const key = { chargeType: "completion", provider: "openai", model: "gpt-4o" };
      const lookup = { case: "key", value: key } as const;
      const { bookVersion } = await pricing.updateLLMPrice({ lookup, price: "1.5" });
      const usageRatio = { case: "accountUsageRatio", value: "1" } as const;
      const charge = { ...key, providerCost: "2", usageRatio, minBookVersion: bookVersion };
      const { accountCharge } = await pricing.calculateCharge(charge);
      checks.check(`${name}: a write is used`, accountCharge === "3", accountCharge);
      const { llmPrices } = await pricing.listLLMPrices({});
      checks.check(`${name}: prices are listed`, llmPrices.length === 8, `${llmPrices.length}`);
      const ms = await measureNotification(database, async () => {
        const { llmPrice } = await pricing.getLLMPrice({ lookup });
        return pricing
          .calculateCharge({ ...key, providerCost: "1", usageRatio })
          .then(
            (response) => response.accountCharge === llmPrice?.price && llmPrice.price === "1.75",
          );
      });
      checks.check(`${name}: a change from psql arrives`, ms < 5000, `after ${ms.toFixed(0)} ms`);
    } finally {
      await service.stop();
    }
  });
}

/** Changes a price with SQL. Returns how long it takes until `isUsed` returns true. */
async function measureNotification({ knex }: TestDatabase, isUsed: () => Promise<boolean>) {
  await knex.raw(`
    insert into llm_price_revisions (llm_price_id, price, reason)
    select id, 1.75, 'psql' from llm_prices
    where (charge_type, provider, model) = ('completion', 'openai', 'gpt-4o')`);
  const startedAtMs = performance.now();
  while (performance.now() - startedAtMs < 5000 && !(await isUsed()));
  return performance.now() - startedAtMs;
}

async function checkRejected(name: string, { connection }: Pooler, database: TestDatabase) {
  const { code, errors } = await migrate(connection, "status");
  checks.check(`${name}: migrate is rejected`, code === 1 && isReason(errors), errors.trim());
  checks.check(`${name}: no lock is left`, (await countLocks(database)) === 0);
  checks.check(`${name}: no setting is left`, await hasDefaults(connection));
  const output = await outputOfService(connection);
  checks.check(`${name}: the service is not ready, with the reason`, isReason(output), output);
}

/** Other clients use all server connections, so that each transaction gets any of them. */
async function checkBusy(name: string, { connection }: Pooler, database: TestDatabase) {
  let isOver = false;
  const clients = Array.from({ length: 12 }, async () => {
    const client = new pg.Client(connection as pg.ClientConfig);
    await client.connect();
    while (!isOver) await client.query("select pg_sleep(random() * 0.01)");
    await client.end();
  });
  for (let i = 0; i < 5; i += 1) {
    const { code, errors } = await migrate(connection, "status");
    checks.check(`${name}: migrate is rejected`, code === 1 && isReason(errors), errors.trim());
  }
  isOver = true;
  await Promise.all(clients);
  checks.check(`${name}: no lock is left`, (await countLocks(database)) === 0);
}

function isReason(message: string): boolean {
  return message.includes("use session mode, or a direct connection");
}

async function migrate(connection: DatabaseConnection, command: string) {
  const child = start(connection, ["migrate", command]);
  if (child.stderr === null) throw new Error("the child's errors are not piped");
  const [[code], errors] = await Promise.all([once(child, "exit"), text(child.stderr)]);
  return { code: code as number, errors };
}

/** Returns what `serve` prints first. */
async function outputOfService(connection: DatabaseConnection): Promise<string> {
  const child = start(connection, ["serve"]);
  let output = "";
  for await (const chunk of child.stdout ?? []) {
    output += chunk;
    if (output.includes("/metrics")) child.kill("SIGTERM");
  }
  return output.trim().split("\n")[0] ?? "";
}

function start(connection: DatabaseConnection, parameters: readonly string[]): ChildProcess {
  const addresses = { GRPC_ADDR: "127.0.0.1:0", HTTP_ADDR: "127.0.0.1:0", OPS_ADDR: "127.0.0.1:0" };
  return spawn(process.execPath, ["dist/src/main.js", ...parameters], {
    env: { ...process.env, ...addresses, DATABASE_URL: toUrl(connection) },
    stdio: ["ignore", "pipe", "pipe"],
  });
}

async function countLocks({ knex }: TestDatabase): Promise<number> {
  const { rows } = await knex.raw("select from pg_locks where locktype = 'advisory'");
  return rows.length;
}

/** Returns whether a client of the pooler gets connections with the server's own time limits. */
async function hasDefaults(connection: DatabaseConnection): Promise<boolean> {
  const client = new pg.Client(connection as pg.ClientConfig);
  await client.connect();
  const { rows } = await client.query("show intervalstyle");
  const { rows: changed } = await client.query(
    "select name from pg_settings where source = 'session' and name like '%timeout'",
  );
  await client.end();
  return rows.length === 1 && changed.length === 0;
}
