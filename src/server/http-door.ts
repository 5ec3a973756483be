import type { IncomingMessage, RequestListener, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Code, ConnectError, createConnectRouter } from "@connectrpc/connect";
import type { UniversalHandlerFn } from "@connectrpc/connect/protocol";
import { universalResponseToNodeResponse } from "@connectrpc/connect-node";
import type { Logger } from "pino";
import { toConnectError } from "../rpc/errors.js";
import { malformed } from "../rpc/library-errors.js";
import type { Address } from "./address.js";
import { toBulkHandler } from "./bulk/http.js";
import { bulkMethods, largeMessageBytes, pathOf } from "./bulk/methods.js";
import type { BulkThreads } from "./bulk/threads.js";
import { toConnectOptions } from "./connect-options.js";
import { allowOrigins } from "./cors.js";
import type { Door, DoorLimits } from "./door.js";
import { toErrorAnswer } from "./error-answers.js";
import { type HttpCall, toCall, whyUnreadable } from "./http-call.js";
import { createHttpServer } from "./http-versions.js";
import { weigh } from "./large-bodies.js";
import { explainErrors } from "./library-errors.js";
import type { Origins } from "./origins.js";
import type { Mount } from "./services.js";

/** Opens the door for Connect, gRPC-Web and plain JSON over HTTP/1.1 and HTTP/2. */
export async function openHttpDoor(
  address: Address,
  corsOrigins: Origins,
  mountServices: (mount: Mount) => void,
  threads: BulkThreads,
  limits: DoorLimits,
  log: Logger,
): Promise<Door> {
  const handle = createListener(mountServices, threads, limits, log);
  const listener = allowOrigins(corsOrigins, handle);
  const { server, close } = createHttpServer(
    listener,
    limits.connections,
    limits.maxStreamTimeoutMs,
  );
  return { address: await listen(server, address), close };
}

/** Starts to listen, and answers where: with the real port where any was asked for. */
export async function listen(server: Server, address: Address): Promise<Address> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(address, resolve);
  });
  const { port } = server.address() as AddressInfo;
  return { ...address, port };
}

/** What connectNodeAdapter does, but for large messages, Connect's own errors, and what it logs. */
function createListener(
  mountServices: (mount: Mount) => void,
  threads: BulkThreads,
  limits: DoorLimits,
  log: Logger,
): RequestListener {
  const router = createConnectRouter(toConnectOptions(limits.maxMessageBytes));
  mountServices((service, implementation) => router.service(service, implementation));
  const handlers = new Map<string, UniversalHandlerFn>();
  for (const handler of router.handlers) {
    handlers.set(handler.requestPath, (request) => handler(request).then(explainErrors));
  }
  const inThread = toBulkHandler(threads);
  const longestMs = Math.max(limits.maxCallTimeoutMs, limits.maxStreamTimeoutMs);
  for (const method of bulkMethods) handlers.set(pathOf(method), inThread);

  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const handler = handlers.get(request.url?.split("?", 1)[0] ?? "");
    if (handler === undefined) return refuse(response, 404, "unimplemented", "no such method");
    const call = toCall(request, response, longestMs);
    if (call === undefined) {
      return refuse(response, 400, "invalid_argument", "the request has no valid host");
    }
    const problem = whyUnreadable(call);
    const answered =
      problem === undefined
        ? await serve(handler, request, call)
        : toErrorAnswer(call.header, toConnectError(malformed(problem)));
    await universalResponseToNodeResponse(answered, response);
  };
  const serve = async (handler: UniversalHandlerFn, request: IncomingMessage, call: HttpCall) => {
    if (handler === inThread) return inThread(call);
    const { mayBeLarge, body } = await weigh(request, call.body, largeMessageBytes);
    return (mayBeLarge ? inThread : handler)({ ...call, body });
  };
  return (request, response) => {
    answer(request, response).catch((error) => {
      response.destroy();
      if (hasCallerGone(error)) return;
      log.error({ err: error, rpc: request.url }, "cannot answer");
    });
  };
}

/** Its call ended with a line of its own, if it had come so far that it was one. */
function hasCallerGone(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code ?? "";
  return ConnectError.from(error).code === Code.Aborted || abortCodes.has(code);
}

/** Of reading a request whose connection, or stream, has been closed before its end. */
const abortCodes: ReadonlySet<string> = new Set(["ECONNRESET", "ERR_STREAM_PREMATURE_CLOSE"]);

/** Answers what no protocol of Connect gets to see, as its protocol for unary calls would. */
function refuse(response: ServerResponse, status: number, code: string, message: string): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify({ code, message }));
}
