import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { Logger } from "pino";
import type { Address } from "../../config/address.js";
import { contained } from "../../logging/contained.js";
import { handleHttp1 } from "../connections/handle-http1.js";
import { Http1Response } from "../connections/http1-response.js";
import { listen } from "../connections/listen.js";
import type { Listener } from "../listener.js";
import type { Readiness } from "./readiness.js";

/** Returns the metrics in the text format of Prometheus. */
export type Exposition = {
  readonly contentType: string;
  readonly metrics: () => Promise<string>;
};

/**
 * Starts the ops server: /healthz (the process is alive), /readyz (ready, or the reason why not)
 * and /metrics.
 */
export async function startOpsServer(
  address: Address,
  readiness: Pick<Readiness, "notReadyReason" | "warning">,
  exposition: Exposition,
  log: Pick<Logger, "error">,
): Promise<Listener> {
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const path = request.url?.split("?")[0];
    if (path === "/healthz") return send(response, 200, "text/plain", "ok\n");
    if (path === "/readyz") {
      const reason = readiness.notReadyReason();
      const warning = readiness.warning();
      const state = warning === undefined ? "ready" : `ready, but ${warning}`;
      if (reason === undefined) return send(response, 200, "text/plain", `${state}\n`);
      return send(response, 503, "text/plain", `not ready: ${reason}\n`);
    }
    if (path === "/metrics") {
      return exposition.metrics().then(
        (text) => send(response, 200, exposition.contentType, text),
        (error: Error) => send(response, 503, "text/plain", `no metrics: ${error.message}\n`),
      );
    }
    send(response, 404, "text/plain", "try /healthz, /readyz or /metrics\n");
  };
  const drop = (_: IncomingMessage, response: ServerResponse) => response.destroy();
  const server = createServer({ ServerResponse: Http1Response });
  handleHttp1(server, contained(log, "ops request", answer, drop));
  const close = () => {
    server.closeAllConnections();
    return new Promise<void>((resolve) => server.close(() => resolve()));
  };
  return { address: await listen(server, address), close };
}

function send(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, { "content-type": type }).end(body);
}
