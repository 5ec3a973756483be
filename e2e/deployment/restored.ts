import { randomUUID } from "node:crypto";
import { expect } from "chai";
import { outputOf } from "../third-party/command.js";
import { type Server, serveOn } from "./guarded.js";
import { keyOf, pricesAt, pricingAt, send, type Written } from "./write-log.js";

/** A database by its server. */
export type Place = { readonly cluster: Server; readonly database: string };

/**
 * Expects of a restored database what a caller may expect: whatever was answered up to its version is
 * there, whatever was answered later is not, a repeat is not done twice, and the service goes on.
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
    expect(await exported(service.grpcAddress)).to.deep.equal(pricesAt(written, version));
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

/** The version of the book in a database. */
export async function versionOf({ cluster, database }: Place): Promise<bigint> {
  return BigInt(await cluster.psql("postgres", database, "-c", "select version from price_book"));
}

/** All that was recorded of all timelines up to a version, in short. */
function timelinesOf({ cluster, database }: Place, version: bigint): Promise<string> {
  return cluster.psql(
    ...(["postgres", database, "-c"] as const),
    `select count(*), md5(string_agg(revision::text, ',' order by llm_price_id, effective_from))
     from llm_price_revisions revision where book_version <= ${version}`,
  );
}

/** What `llmprices export` writes: the price of each model. */
async function exported(address: string): Promise<Map<string, string>> {
  const command = ["dist/src/main.js", "export", "--current", "--quiet", "--address", address];
  const csv = await outputOf(process.execPath, command);
  const rows = csv.trim().split("\n").slice(1);
  return new Map(rows.map((row) => row.split(",").slice(2, 4) as [string, string]));
}
