import type { Address } from "../../config/address.js";
import type { Origins } from "../../config/origins.js";
import { listen } from "../connections/listen.js";
import type { ClientListener, ListenerDependencies } from "../listener.js";
import { allowOrigins } from "./cors.js";
import { createHttpServer, type HttpServer } from "./http1-http2-port.js";
import { servePages } from "./pages.js";
import { createRequestListener } from "./request-listener.js";

export type HttpListener = ClientListener & Pick<HttpServer, "closeAfterResponses">;

/** Starts the server for Connect, gRPC-Web and plain JSON over HTTP/1.1 and HTTP/2. */
export async function startHttpServer(
  address: Address,
  corsOrigins: Origins,
  dependencies: ListenerDependencies,
): Promise<HttpListener> {
  const { limits, queue, turns, log, tls } = dependencies;
  const { server, ...listener } = createHttpServer(
    servePages(allowOrigins(corsOrigins, createRequestListener(dependencies)), tls !== undefined),
    limits.connections,
    limits.maxStreamTimeoutMs,
    log,
    { queue, turns },
    tls,
  );
  return { address: await listen(server, address), ...listener };
}
