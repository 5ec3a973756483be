import type { Knex } from "knex";
import type { LLMPrice } from "../domain/llm-price.js";
import { pricesAt } from "../store/prices.js";
import { formatAddress } from "./address.js";
import type { Server } from "./server.js";

/** What a person sees when the service is up: where it answers, and a call ready to paste. */
export async function greet(server: Server, knex: Knex): Promise<string> {
  const call = toCall(await findPrice(knex));
  const body = quoteForShell(JSON.stringify(call.body));
  const grpc = formatAddress(server.grpcAddress);
  const http = formatAddress(server.httpAddress);
  return `
LLMPrices is up.

  gRPC                      ${grpc}
  Connect, gRPC-Web, JSON   http://${http}
  health and metrics        http://${formatAddress(server.opsAddress)}/readyz, /metrics

Try it with grpcurl:

grpcurl -plaintext -d ${body} ${grpc} ${call.method}

or with curl:

curl -s -H 'content-type: application/json' -d ${body} http://${http}/${call.method}
`;
}

type Call = { readonly method: string; readonly body: object };

function toCall(price: LLMPrice | undefined): Call {
  if (price === undefined) {
    return { method: "llmprices.v1.CatalogService/ListChargeTypes", body: {} };
  }
  const { chargeType, provider, model } = price.key;
  return {
    method: "llmprices.v1.PricingService/CalculateCharge",
    body: {
      charge_type: chargeType,
      provider,
      model,
      provider_cost: "1000.00",
      account_usage_ratio: "0.25",
    },
  };
}

/** Any price to show; none when there is none or the database does not answer yet. */
async function findPrice(knex: Knex): Promise<LLMPrice | undefined> {
  return pricesAt(knex, {}, undefined, 1).then(
    ({ prices }) => prices[0],
    () => undefined,
  );
}

function quoteForShell(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
