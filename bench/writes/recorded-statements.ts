import { createClient, createRouterTransport } from "@connectrpc/connect";
import type { Knex } from "knex";
import { PricingService } from "../../src/gen/llmprices/v1/pricing_service_pb.js";
import { priceWrites } from "../../src/rpc/handlers/write-prices.js";
import { createDatabase, type DatabaseConnection } from "../../src/store/connection/pool.js";
import type { BenchKey } from "./keys.js";

/** A statement with its values, and the first row of its result. */
export type RecordedStatement = {
  readonly sql: string;
  readonly bindings: readonly unknown[];
  readonly row: Readonly<Record<string, unknown>>;
};

/** A write and its statements. */
export type RecordedWrite = {
  readonly id: string;
  readonly price: string;
  readonly statements: readonly RecordedStatement[];
};

/** Updates each key with the handler of the service, in this process, and records the statements. */
export async function recordUpdates(
  connection: DatabaseConnection,
  keys: readonly BenchKey[],
): Promise<RecordedWrite[]> {
  const knex = createDatabase({ connection, poolSize: 1, acquireTimeoutMs: 10_000 });
  const transport = createRouterTransport(({ service }) => {
    const { updateLLMPrice } = priceWrites(knex);
    service(PricingService, { updateLLMPrice });
  });
  const pricing = createClient(PricingService, transport);
  const writes: RecordedWrite[] = [];
  try {
    // The first write on a connection sends a statement more.
    await update(keys[0]?.id ?? "", "0.1");
    for (const [i, { id }] of keys.entries()) {
      const price = `0.${200 + i}`;
      const statements = await recordStatements(knex, () => update(id, price));
      writes.push({ id, price, statements });
    }
  } finally {
    await knex.destroy();
  }
  return writes;

  async function update(id: string, price: string): Promise<void> {
    await pricing.updateLLMPrice({ lookup: { case: "id", value: id }, price });
  }
}

async function recordStatements(
  knex: Knex,
  work: () => Promise<void>,
): Promise<RecordedStatement[]> {
  const statements: RecordedStatement[] = [];
  type Query = { readonly sql: string; readonly bindings?: readonly unknown[] };
  const onResponse = (response: { readonly rows?: RecordedStatement["row"][] }, query: Query) => {
    const { sql, bindings = [] } = query;
    statements.push({ sql, bindings, row: response.rows?.at(-1) ?? {} });
  };
  let sent = 0;
  const onQuery = () => {
    sent += 1;
  };
  knex.on("query", onQuery);
  knex.on("query-response", onResponse);
  try {
    await work();
  } finally {
    knex.off("query", onQuery);
    knex.off("query-response", onResponse);
  }
  // Knex reports no response for BEGIN and COMMIT.
  if (statements.length !== sent) throw new Error("a write sends statements that are not recorded");
  return statements;
}
