import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Knex } from "knex";
import { buildService } from "../../../bench/support/build.js";
import { toUrl } from "../../../bench/support/database.js";
import {
  type BenchedService,
  startService,
  withDataFolder,
} from "../../../bench/support/service.js";
import { addExamplePrices } from "../../../src/app/example-prices.js";
import { type Address, parseAddress } from "../../../src/config/address.js";
import { createTestDatabase, startTestServer } from "../../../test/support/postgres.js";

/** The service under attack, in its own process, and its database. */
export type Target = {
  readonly processId: number;
  readonly grpc: Address;
  readonly http: Address;
  readonly ops: Address;
  readonly metricsUrl: string;
  readonly knex: Knex;
  /** Returns how often to do what the long form does `count` times: at least once. */
  readonly scaled: (count: number) => number;
  /** Returns the log of the service: warnings and errors. */
  readonly log: () => Promise<string>;
};

/**
 * Builds the service, starts it with the example prices and these variables, and stops it after `work`.
 */
export async function withTarget(
  settings: Readonly<Record<string, string>>,
  scale: number,
  work: (target: Target) => Promise<void>,
): Promise<void> {
  await buildService();
  const server = await startTestServer();
  Object.assign(process.env, server.environment);
  const database = await createTestDatabase();
  try {
    await addExamplePrices(database.knex);
    await withDataFolder(async (folder) => {
      const service = await startService(folder, {
        DATABASE_URL: toUrl(database.connection),
        NODE_OPTIONS: `--import=${new URL("collect-garbage.mjs", import.meta.url)}`,
        LOG_LEVEL: "warn",
        ...shortTimes,
        ...settings,
      });
      const log = () => readFile(join(folder, "service.log"), "utf8");
      try {
        const scaled = (count: number) => Math.max(1, Math.round(count * scale));
        await work({ ...addressesOf(service), knex: database.knex, scaled, log });
      } catch (error) {
        console.log(`the service's log ends with\n${(await log()).slice(-charactersShown)}`);
        throw error;
      } finally {
        await service.stop();
      }
    });
  } finally {
    await database.drop();
    await server.stop();
  }
}

function addressesOf({ processId, grpcAddress, httpAddress, metricsUrl }: BenchedService) {
  return {
    ...{ processId, metricsUrl },
    grpc: toAddress(grpcAddress),
    http: toAddress(httpAddress),
    ops: toAddress(new URL(metricsUrl).host),
  };
}

function toAddress(text: string): Address {
  const address = parseAddress(text);
  if (address === undefined) throw new Error(`${text} is no address`);
  return address;
}

const charactersShown = 5000;

/** Short timeouts, so that connections expire during the suite. */
const shortTimes = {
  HEADERS_TIMEOUT_MS: "3000",
  KEEPALIVE_TIME_MS: "3000",
  KEEPALIVE_TIMEOUT_MS: "10000",
  STREAM_IDLE_TIMEOUT_MS: "3000",
};
