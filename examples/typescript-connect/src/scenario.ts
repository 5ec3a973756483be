import { createClient } from "@connectrpc/connect";
import { CatalogService } from "../gen/llmprices/v1/catalog_service_pb.js";
import { PricingService } from "../gen/llmprices/v1/pricing_service_pb.js";
import { connect } from "./channel.js";
import {
  allocate,
  batch,
  calculate,
  calculateBeforeAndAfter,
  calculateInVain,
  keepOpen,
  retry,
} from "./charges.js";
import { createPrices, list, read, register, update, writeInVain } from "./prices.js";

// The scenario that every client runs: ADDRESS NAME UNSTEADY_ADDRESS. Prints a line for each step.
const [address = "", name = "", unsteadyAddress = ""] = process.argv.slice(2);
const transport = connect(address);
const pricing = createClient(PricingService, transport);

await register(createClient(CatalogService, transport), name);
const { llmPrice, bookVersion = 0n } = (await createPrices(pricing, name)) ?? {};
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
await retry(createClient(PricingService, connect(unsteadyAddress)), name);
// The connections of a transport stay open for the next call.
process.exit();
