import { Agent, request } from "node:http";
import type { Address } from "../../../src/config/address.js";
import { patienceMs, type Received, type Sent, type Wire } from "./exchange.js";

/** Sends requests over HTTP/1.1 with keep-alive. */
export function openHttp1({ host, port }: Address): Wire {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const exchange = ({ path, headers, body }: Sent) =>
    new Promise<Received>((resolve) => {
      const lost = (error: Error & { readonly code?: string }) =>
        resolve({ lost: error.code ?? error.message });
      const options = { agent, host, port, path, headers, method: "POST", timeout: patienceMs };
      const outgoing = request(options, (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
        incoming.on("error", lost);
        incoming.on("end", () => {
          const { statusCode: status = 0, trailers } = incoming;
          resolve({ status, headers: incoming.headers, trailers, body: Buffer.concat(chunks) });
        });
      });
      outgoing.on("error", lost);
      outgoing.on("timeout", () => outgoing.destroy(new Error("no answer in time")));
      outgoing.end(body);
    });
  return { exchange, close: () => agent.destroy() };
}

const connections = 32;
