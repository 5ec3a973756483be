import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { createClient } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport } from "@connectrpc/connect-node";
import { toUrl } from "../../bench/support/database.js";
import { PricingService } from "../../src/gen/llmprices/v1/pricing_service_pb.js";
import { llmpricesArguments } from "./command.js";
import type { TestDatabase } from "./postgres.js";

/** The trace that all calls of `callAndStop` belong to. */
export const trace = "0af7651916cd43dd8448eb211c80319c";

/** Starts `llmprices serve`, calls both listeners, stops the service, and returns its log. */
export async function callAndStop(
  database: TestDatabase,
  parameters: readonly string[],
  variables: NodeJS.ProcessEnv,
): Promise<string> {
  const anyPort = "127.0.0.1:0";
  const child = spawn(process.execPath, [...llmpricesArguments, "serve", ...parameters], {
    env: {
      ...{ ...process.env, GRPC_ADDR: anyPort, HTTP_ADDR: anyPort, OPS_ADDR: anyPort },
      ...{ DATABASE_URL: toUrl(database.connection), ...variables },
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  try {
    const log = text(child.stderr);
    let banner = "";
    for await (const chunk of child.stdout.iterator({ destroyOnReturn: false })) {
      banner += chunk;
      if (/^curl .*\n/m.test(banner)) break;
    }
    const find = (pattern: RegExp) => `http://${pattern.exec(banner)?.[1]}`;
    const transports = [
      createGrpcTransport({ baseUrl: find(/^ *gRPC +(\S+)$/m) }),
      createConnectTransport({ baseUrl: find(/http:\/\/(\S+)$/m), httpVersion: "1.1" }),
    ];
    for (const transport of transports) {
      const pricing = createClient(PricingService, transport);
      await pricing.listLLMPrices({ provider: "acme" }, { headers });
      await pricing.batchCalculateCharges({}, { headers });
    }
    child.kill("SIGTERM");
    await once(child, "exit");
    return await log;
  } finally {
    child.kill("SIGKILL");
  }
}

const headers = { traceparent: `00-${trace}-b7ad6b7169203331-01` };
