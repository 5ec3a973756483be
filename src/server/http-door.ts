import { createServer, type RequestListener, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Code, ConnectError, createConnectRouter } from "@connectrpc/connect";
import type { UniversalHandlerFn } from "@connectrpc/connect/protocol";
import {
  universalRequestFromNodeRequest,
  universalResponseToNodeResponse,
} from "@connectrpc/connect-node";
import type { Logger } from "pino";
import type { Address } from "./address.js";
import { toBulkHandler } from "./bulk/http.js";
import { bulkMethods, pathOf } from "./bulk/methods.js";
import type { BulkThreads } from "./bulk/threads.js";
import { connectOptions } from "./connect-options.js";
import type { Door } from "./door.js";
import { blameTheCaller } from "./malformed-messages.js";
import type { Mount } from "./services.js";

/** Opens the door for Connect, gRPC-Web and plain JSON over HTTP/1.1. */
export function openHttpDoor(
  address: Address,
  mountServices: (mount: Mount) => void,
  threads: BulkThreads,
  log: Logger,
): Promise<Door> {
  return listen(createServer(createListener(mountServices, threads, log)), address);
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

/** What connectNodeAdapter does, but for malformed messages and for where errors are logged. */
function createListener(
  mountServices: (mount: Mount) => void,
  threads: BulkThreads,
  log: Logger,
): RequestListener {
  const router = createConnectRouter(connectOptions);
  mountServices((service, implementation) => router.service(service, implementation));
  const handlers = new Map<string, UniversalHandlerFn>();
  for (const handler of router.handlers) {
    handlers.set(handler.requestPath, (request) => handler(request).then(blameTheCaller));
  }
  for (const method of bulkMethods) handlers.set(pathOf(method), toBulkHandler(threads));
  return (request, response) => {
    const path = request.url?.split("?", 1)[0] ?? "";
    const handler = handlers.get(path);
    if (handler === undefined) return answerNoSuchMethod(response);
    handler(universalRequestFromNodeRequest(request, response, undefined, undefined))
      .then((answer) => universalResponseToNodeResponse(answer, response))
      .catch((error) => {
        // The caller has gone: its call ended with a line of its own.
        if (ConnectError.from(error).code === Code.Aborted) return;
        log.error({ err: error, rpc: path }, "cannot answer");
        response.destroy();
      });
  };
}

function answerNoSuchMethod(response: ServerResponse): void {
  response.writeHead(404, { "content-type": "application/json" });
  response.end(JSON.stringify({ code: "unimplemented", message: "no such method" }));
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
