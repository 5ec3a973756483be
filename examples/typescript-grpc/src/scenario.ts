import { channelOptions } from "./channel.js";
import {
  allocate,
  batch,
  calculate,
  calculateBeforeAndAfter,
  calculateInVain,
  keepOpen,
  retry,
} from "./charges.js";
import { CatalogService, PricingService } from "./contract.js";
import { readCredentials } from "./credentials.js";
import { createPrices, list, read, register, update, writeInVain } from "./prices.js";

// The scenario that every client runs: ADDRESS NAME UNSTEADY_ADDRESS. Prints a line for each step.
const [address = "", name = "", unsteadyAddress = ""] = process.argv.slice(2);
const credentials = readCredentials();
const catalog = new CatalogService(address, credentials, channelOptions);
const pricing = new PricingService(address, credentials, channelOptions);
const unsteady = new PricingService(unsteadyAddress, credentials, channelOptions);

await register(catalog, name);
const { llmPrice, bookVersion } = await createPrices(pricing, name);
const { id = "", etag = "" } = llmPrice ?? {};
await read(pricing, id);
await list(pricing, name);
const asOf = await calculate(pricing, name, bookVersion);
await batch(pricing, name);
await allocate(pricing, name);
const updated = await update(pricing, name, etag);
await calculateBeforeAndAfter(pricing, name, updated.bookVersion, asOf);
await writeInVain(pricing, name, etag);
await calculateInVain(pricing, name);
await keepOpen(pricing, name);
await retry(unsteady, name);

for (const client of [catalog, pricing, unsteady]) client.close();
