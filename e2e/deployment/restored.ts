import { randomUUID } from "node:crypto";
import { expect } from "chai";
import { outputOf } from "../third-party/command.js";
import { type Server, serveOn } from "./guarded.js";
import { expectedPrices, keyOf, pricingAt, send, type Written } from "./write-log.js";

/** A database and its server. */
export type Place = { readonly cluster: Server; readonly database: string };

/**
 * Checks that a restored database has every write up to its version and no later one, that a repeated
 * write is done once, and that the service continues.
 */
export async function expectRestored(
  live: Place,
  restored: Place,
  written: readonly Written[],
  folder: string,
): Promise<bigint> {
  const version = await versionOf(restored);
  expect(await timelinesOf(restored, version)).to.equal(await timelinesOf(live, version));
  const known = written.filter(({ bookVersion }) => bookVersion <= version);
  expect(known.length).to.be.greaterThan(0);
  const service = await serveOn(restored.cluster, restored.database, folder);
  try {
    const pricing = pricingAt(service.grpcAddress);
    expect(await exported(service.grpcAddress)).to.deep.equal(expectedPrices(written, version));
    for (const write of known.slice(-20)) {
      expect(await send(pricing, write)).to.equal(write.bookVersion);
    }
    expect(await versionOf(restored)).to.equal(version);
    const model = "model-0";
    const minBookVersion = await send(pricing, { model, price: "2.5", requestId: randomUUID() });
    expect(minBookVersion).to.equal(version + 1n);
    const { accountCharge } = await pricing.calculateCharge({
      ...{ ...keyOf(model), providerCost: "100", minBookVersion },
      usageRatio: { case: "accountUsageRatio", value: "1" },
    });
    expect(accountCharge).to.equal("250");
  } finally {
    await service.stop();
  }
  return version;
}

/** Returns the price book version of a database. */
export async function versionOf({ cluster, database }: Place): Promise<bigint> {
  return BigInt(await cluster.psql("postgres", database, "-c", "select version from price_book"));
}

/** Returns a digest of all timelines up to a version. */
function timelinesOf({ cluster, database }: Place, version: bigint): Promise<string> {
  return cluster.psql(
    ...(["postgres", database, "-c"] as const),
    // A later version may have taken back what this one says.
    `select count(*), md5(string_agg((
       llm_price_id, effective_from, price, changed_by, reason, created_at, book_version,
       nullif(least(superseded_in, ${version} + 1), ${version} + 1)
     )::text, ',' order by llm_price_id, effective_from, book_version))
     from llm_price_revisions where book_version <= ${version}`,
  );
}

/** Runs `llmprices export` and returns the price of each model. */
async function exported(address: string): Promise<Map<string, string>> {
  const command = ["dist/src/main.js", "export", "--current", "--quiet", "--address", address];
  const csv = await outputOf(process.execPath, command);
  const rows = csv.trim().split("\n").slice(1);
  return new Map(rows.map((row) => row.split(",").slice(2, 4) as [string, string]));
}
