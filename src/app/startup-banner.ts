import type { Knex } from "knex";
import { formatAddress } from "../config/address.js";
import { isAuthenticated } from "../config/auth-config.js";
import type { Config } from "../config/config.js";
import type { TlsConfig } from "../config/tls-files.js";
import type { LLMPrice } from "../domain/llm-price.js";
import { everyone } from "../domain/price-key.js";
import type { Server } from "../server/server.js";
import { findPricesAt } from "../store/prices/find-prices.js";

/** Returns the text shown when the service listens and is not ready yet. It names the reason. */
export function toNotReadyText(
  server: Server,
  { tls }: Pick<Config, "tls">,
  reason: string,
): string {
  return `
LLMPrices is not ready: ${reason}.
It listens already, and becomes ready without a restart.

${toAddresses(server, tls)}
`;
}

/**
 * Creates the text shown when the service is ready: its addresses, and a call to copy and paste. With
 * authentication, the call uses the token in LLMPRICES_TOKEN, as the command line does. With TLS, a
 * sentence describes the flags, because it is unknown which authorities the client trusts.
 */
export async function createStartupBanner(
  server: Server,
  knex: Knex,
  { auth, tls }: Pick<Config, "auth" | "tls">,
): Promise<string> {
  const isOpen = !isAuthenticated(auth);
  const token = isOpen ? "" : '-H "authorization: Bearer $LLMPRICES_TOKEN" ';
  const plaintext = tls === undefined ? "-plaintext " : "";
  const scheme = schemeOf(tls);
  const call = toCall(await findPrice(knex));
  const body = quoteForShell(JSON.stringify(call.body));
  const grpc = formatAddress(server.grpcAddress);
  const http = formatAddress(server.httpAddress);
  return `
LLMPrices is up.

${toAddresses(server, tls)}

Try it with grpcurl:

grpcurl ${plaintext}${token}-d ${body} ${grpc} ${call.method}

or with curl:

curl -s ${token}-H 'content-type: application/json' -d ${body} ${scheme}://${http}/${call.method}
${tls === undefined ? "" : describeTlsFlags(tls)}`;
}

function toAddresses(server: Server, tls: Config["tls"]): string {
  return [
    `  gRPC                      ${formatAddress(server.grpcAddress)}`,
    `  Connect, gRPC-Web, JSON   ${schemeOf(tls)}://${formatAddress(server.httpAddress)}`,
    `  health and metrics        http://${formatAddress(server.opsAddress)}/readyz, /metrics`,
  ].join("\n");
}

function schemeOf(tls: Config["tls"]): string {
  return tls === undefined ? "http" : "https";
}

/** Describes the flags that a client adds for TLS. */
function describeTlsFlags({ clientCaFile }: TlsConfig): string {
  const shown =
    clientCaFile === undefined ? "" : "; and -cert and -key, or --cert and --key, of a caller";
  return `\nAdd -cacert, or --cacert for curl, where the authority of TLS_CERT_FILE is not known${shown}.\n`;
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

/** Finds any price for everyone to show. Returns undefined without one, or while the database is unavailable. */
async function findPrice(knex: Knex): Promise<LLMPrice | undefined> {
  const filter = { audience: everyone, hasNames: true };
  return findPricesAt(knex, filter, { asOf: undefined, bookVersion: undefined }, 1).then(
    ({ prices }) => prices[0],
    () => undefined,
  );
}

function quoteForShell(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
