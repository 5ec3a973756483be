import { expect } from "chai";
import { startService } from "../../bench/support/service.js";
import { importRows } from "../../test/support/imports.js";
import type { Checks } from "../third-party/checks.js";
import type { Cluster } from "./cluster.js";
import { migrate, setUpDatabase } from "./guarded.js";
import { keyOf, pricingAt } from "./write-log.js";

/** A replica takes the connections that docs/operations.md reckons with, and no more. */
export async function checkConnections(
  { check }: Checks,
  cluster: Cluster,
  folder: string,
): Promise<void> {
  const database = "counted";
  await setUpDatabase(cluster, database);
  await migrate(cluster, database);
  const [poolSize, threads] = [3, 1];
  const service = await startService(folder, {
    DATABASE_URL: cluster.url("llmprices_service_a", database),
    DATABASE_POOL_SIZE: String(poolSize),
    BULK_THREADS: String(threads),
  });
  const pricing = pricingAt(service.grpcAddress);
  await check(
    "a replica has its pool, one for the book and at most four for each thread",
    async () => {
      const rows = [{ ...keyOf("one"), price: "1" }];
      await importRows({ pricing }, rows, { registerMissing: true });
      // More at a time than there are connections, of calls that each want one.
      const endsAt = performance.now() + 3000;
      const repeat = (count: number, call: (number: number) => Promise<unknown>) =>
        Array.from({ length: count }, async (_, number) => {
          while (performance.now() < endsAt) await call(number);
        });
      const reads = repeat(150, () => pricing.listLLMPriceRevisions(oneTimeline));
      const imports = repeat(10, (count) =>
        importRows({ pricing }, [{ ...keyOf("one"), price: `1.${count}1` }]),
      );
      let isOver = false;
      const calls = Promise.all([...reads, ...imports]).finally(() => {
        isOver = true;
      });
      calls.catch(() => {});
      let most = 0;
      while (!isOver) most = Math.max(most, await countConnections());
      await calls;
      expect(most).to.be.within(poolSize + 2, poolSize + 1 + 4 * threads);
    },
  ).finally(service.stop);

  async function countConnections(): Promise<number> {
    const sql = `select count(*) from pg_stat_activity
      where datname = '${database}' and application_name like 'llmprices%'`;
    return Number(await cluster.psql("postgres", database, "-c", sql));
  }
}

const oneTimeline = { lookup: { case: "key" as const, value: keyOf("one") } };
