import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import type { Address } from "./address.js";
import { type Door, maxMessageBytes } from "./door.js";
import type { Mount } from "./services.js";

/** Opens the door for Connect, gRPC-Web and plain JSON over HTTP/1.1. */
export function openHttpDoor(
  address: Address,
  mountServices: (mount: Mount) => void,
): Promise<Door> {
  const adapter = connectNodeAdapter({
    routes: (router) => {
      mountServices((service, implementation) => router.service(service, implementation));
    },
    readMaxBytes: maxMessageBytes,
    // A misspelled field that is ignored prices something nobody asked for.
    jsonOptions: { ignoreUnknownFields: false },
    fallback: (_, response) => {
      response.writeHead(404, { "content-type": "application/json" });
      response.end(JSON.stringify({ code: "unimplemented", message: "no such method" }));
    },
  });
  return listen(createServer(adapter as RequestListener), address);
}

/** Makes an HTTP server a door. */
export async function listen(server: Server, address: Address): Promise<Door> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(address, resolve);
  });
  const { port } = server.address() as AddressInfo;
  return { address: { ...address, port }, close: (graceMs) => close(server, graceMs) };
}

function close(server: Server, graceMs: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => server.closeAllConnections(), graceMs);
    server.close(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}
