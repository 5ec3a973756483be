import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { startEmbeddedPostgres } from "../../src/embedded-postgres/embedded-postgres.js";
import { importRows } from "../../test/support/imports.js";
import type { Checks } from "../third-party/checks.js";
import { outputOf } from "../third-party/command.js";
import { type Cluster, clusterAt, startCluster } from "./cluster.js";
import { migrate, serveOn, setUpDatabase } from "./guarded.js";
import { expectRestored, versionOf } from "./restored.js";
import { keyOf, pricingAt, startWriting, type Writer } from "./write-log.js";

/** Makes backups while prices change, restores them, and serves from the restored databases. */
export async function checkBackups(
  { check }: Checks,
  cluster: Cluster,
  folder: string,
): Promise<void> {
  const live = { cluster, database: "live" };
  await setUpDatabase(cluster, "live");
  await migrate(cluster, "live");
  const service = await serveOn(cluster, "live", folder);
  const [dump, base] = [join(folder, "live.dump"), join(folder, "base")];
  let writer: Writer | undefined;
  try {
    const ours = await startWriting(service.grpcAddress);
    writer = ours;
    await check("pg_dump and pg_basebackup make backups while prices change", async () => {
      await ours.more(50);
      await cluster.run("pg_dump", "-Fc", "-f", dump, cluster.url("llmprices_owner", "live"));
      await ours.more(20);
      mkdirSync(base, { mode: 0o700 });
      await outputOf("chown", ["postgres", base]);
      await cluster.run("pg_basebackup", "--wal-method=stream", "--checkpoint=fast", "-D", base);
      await cluster.run("pg_verifybackup", "--quiet", base);
      await outputOf("chown", ["-R", "postgres", base]);
      await ours.more(50);
      await ours.stop();
    });
    const { written } = ours;
    await check("a dump is restored into another database, and served", async () => {
      await setUpDatabase(cluster, "restored");
      await restore(cluster, dump, "restored");
      const there = { cluster, database: "restored" };
      const version = await expectRestored(live, there, written, folder);
      expect(version < (await versionOf(live))).to.equal(true);
    });
    await check("a dump is restored into a later PostgreSQL, and served", async () => {
      await onLaterPostgres(folder, async (later) => {
        await setUpDatabase(later, "restored");
        await restore(later, dump, "restored");
        await expectRestored(live, { cluster: later, database: "restored" }, written, folder);
      });
    });
    await check(
      "a physical backup is brought to the moment before a mistake, and served",
      async () => {
        await cluster.psql("postgres", "live", "-c", "select pg_create_restore_point('before')");
        const version = await versionOf(live);
        const pricing = pricingAt(service.grpcAddress);
        const mistake = [{ ...keyOf("model-1"), price: "999" }];
        await importRows({ pricing }, mistake);
        await cluster.psql("postgres", "live", "-c", "select pg_switch_wal()");
        await outputOf("touch", [join(base, "recovery.signal")]);
        const recovered = await startCluster(base, [
          `-crestore_command=cp ${archiveOf(folder)}/%f %p`,
          ...["-crecovery_target_name=before", "-crecovery_target_action=promote"],
        ]);
        try {
          await untilPromoted(recovered);
          const there = { cluster: recovered, database: "live" };
          expect(await versionOf(there)).to.equal(version);
          expect(await versionOf(live)).to.equal(version + 1n);
          await expectRestored(live, there, written, folder);
        } finally {
          await recovered.stop();
        }
      },
    );
  } finally {
    await writer?.stop().catch(() => {});
    await service.stop();
  }
}

/** Returns the settings for point-in-time recovery: the server archives its WAL. */
export function archiving(folder: string): string[] {
  return [
    "-cwal_level=replica",
    "-carchive_mode=on",
    `-carchive_command=cp %p ${archiveOf(folder)}/%f`,
  ];
}

export function archiveOf(folder: string): string {
  return join(folder, "archive");
}

async function restore(cluster: Pick<Cluster, "run">, dump: string, database: string) {
  const options = ["--exit-on-error", "--single-transaction", "-d", database];
  await cluster.run("pg_restore", ...options, dump);
}

async function untilPromoted(cluster: Cluster): Promise<void> {
  const isRecovering = () => cluster.psql("postgres", "live", "-c", "select pg_is_in_recovery()");
  while ((await isRecovering()).trim() !== "f");
}

/** Runs work on PostgreSQL 18, which the npm package contains. */
async function onLaterPostgres(
  folder: string,
  work: (later: ReturnType<typeof clusterAt>) => Promise<void>,
): Promise<void> {
  const embedded = await startEmbeddedPostgres({ dataDir: join(folder, "later"), log: () => {} });
  try {
    const { port, user, password, host } = embedded.connection;
    const url = `postgres://${user}:${password}@${host}:${port}/postgres`;
    const later = clusterAt(port);
    await later.run("psql", "-q", url, "-c", "alter role postgres password 'secret'");
    await work(later);
  } finally {
    await embedded.stop();
  }
}
