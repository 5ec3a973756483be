import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Knex } from "knex";
import { buildService } from "../../bench/support/build.js";
import { toUrl } from "../../bench/support/database.js";
import { startService, withDataFolder } from "../../bench/support/service.js";
import { addExamplePrices } from "../../src/app/example-prices.js";
import { type Address, parseAddress } from "../../src/config/address.js";
import { createTestDatabase, startTestServer } from "../../test/support/postgres.js";

/** The service in its own process, and its database. */
export type TestedService = {
  readonly processId: number;
  readonly grpc: Address;
  readonly http: Address;
  readonly ops: Address;
  readonly metricsUrl: string;
  readonly knex: Knex;
  /** The file with the log of the service. */
  readonly logPath: string;
};

/**
 * Builds the service, starts it with the example prices and these variables, and stops it after `work`.
 * `prepare` runs before the service starts.
 */
export async function withTestedService(
  settings: Readonly<Record<string, string>>,
  work: (service: TestedService) => Promise<void>,
  prepare: (knex: Knex) => Promise<void> = async () => {},
): Promise<void> {
  await buildService();
  const server = await startTestServer();
  Object.assign(process.env, server.environment);
  const database = await createTestDatabase();
  try {
    await addExamplePrices(database.knex);
    await prepare(database.knex);
    await withDataFolder(async (folder) => {
      const DATABASE_URL = toUrl(database.connection);
      const service = await startService(folder, { DATABASE_URL, ...settings });
      const { processId, metricsUrl } = service;
      const logPath = join(folder, "service.log");
      try {
        await work({
          ...{ processId, metricsUrl, knex: database.knex, logPath },
          grpc: toAddress(service.grpcAddress),
          http: toAddress(service.httpAddress),
          ops: toAddress(new URL(metricsUrl).host),
        });
      } catch (error) {
        const log = await readFile(logPath);
        console.log(`the service's log ends with\n${log.subarray(-bytesShown)}`);
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

function toAddress(text: string): Address {
  const address = parseAddress(text);
  if (address === undefined) throw new Error(`${text} is no address`);
  return address;
}

const bytesShown = 5000;
