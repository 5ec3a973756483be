import { readFileSync } from "node:fs";
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { readVersion } from "../../version.js";

/** Serves the start page and the OpenAPI description of the JSON API. Other paths go to `listener`. */
export function servePages(listener: RequestListener, isEncrypted: boolean): RequestListener {
  const openApi = readFileSync(new URL("../../gen/openapi.json", import.meta.url));
  return (request, response) => {
    const path = (request.url ?? "").split("?", 1)[0];
    const isRead = request.method === "GET" || request.method === "HEAD";
    if (isRead && path === "/")
      return send(request, response, htmlType, toPage(request, isEncrypted));
    if (isRead && path === "/openapi.json") return send(request, response, jsonType, openApi);
    listener(request, response);
  };
}

const htmlType = "text/html; charset=utf-8";
const jsonType = "application/json";

function send(
  { method }: IncomingMessage,
  response: ServerResponse,
  type: string,
  body: string | Buffer,
): void {
  response.writeHead(200, {
    "content-type": type,
    "content-length": Buffer.byteLength(body),
    // The page needs nothing but its own styles, and nobody may frame it.
    "content-security-policy":
      "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'",
    "x-content-type-options": "nosniff",
    "cache-control": "no-cache",
  });
  response.end(method === "HEAD" ? undefined : body);
}

function toPage(request: IncomingMessage, isEncrypted: boolean): string {
  const authority = request.headers[":authority"] ?? request.headers.host ?? "127.0.0.1:8080";
  // What a client sends is shown only if it can be an address.
  const host = /^[\w.:[\]-]{1,255}$/.test(String(authority)) ? authority : "127.0.0.1:8080";
  const url = `${isEncrypted ? "https" : "http"}://${host}/llmprices.v1`;
  const call = (method: string, body: string) =>
    `curl -s -H 'content-type: application/json' \\\n  -d '${body}' \\\n  ${url}.${method}`;
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>LLMPrices</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 50rem; margin: 2rem auto; padding: 0 1rem }
pre { overflow-x: auto; padding: .75rem; border: 1px solid #8888; border-radius: 4px }
:root { color-scheme: light dark }
</style>
<h1>LLMPrices ${readVersion()}</h1>
<p>This service keeps the markup price of every (charge type, provider, model), and turns the costs that a
provider bills into the charges of accounts, exactly.</p>
<pre>account_charge = provider_cost × markup × account_usage_ratio</pre>
<h2>Two calls</h2>
<p>The prices that are in effect now:</p>
<pre>${call("PricingService/ListLLMPrices", '{"page_size":10}')}</pre>
<p>The charge of an account that caused a quarter of a bill of 1000.00:</p>
<pre>${call("PricingService/CalculateCharge", exampleCharge)}</pre>
<p>Where the service requires a token, add <code>-H "authorization: Bearer $LLMPRICES_TOKEN"</code>.</p>
<h2>More</h2>
<ul>
<li><a href="/openapi.json">/openapi.json</a>: the OpenAPI description of the JSON API</li>
<li>gRPC with reflection listens at <code>GRPC_ADDR</code>; Connect and gRPC-Web at this address</li>
<li>health and metrics: <code>/healthz</code>, <code>/readyz</code> and <code>/metrics</code> at <code>OPS_ADDR</code></li>
<li>documents: <code>README.md</code> and <code>docs/</code> of the package, also <code>llmprices --help</code></li>
</ul>
</html>
`;
}

const exampleCharge =
  '{"charge_type":"completion","provider":"anthropic","model":"claude-sonnet-4-5",' +
  '"provider_cost":"1000.00","account_usage_ratio":"0.25"}';
