import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import type { AddressInfo, Server } from "node:net";
import { Code, ConnectError, createConnectRouter } from "@connectrpc/connect";
import type { UniversalHandlerFn, UniversalServerResponse } from "@connectrpc/connect/protocol";
import { universalResponseToNodeResponse } from "@connectrpc/connect-node";
import type { Logger } from "pino";
import type { Caller } from "../domain/caller.js";
import { toConnectError } from "../rpc/errors.js";
import type { Address } from "./address.js";
import type { Admission } from "./auth/admission.js";
import { toBulkHandler } from "./bulk/http.js";
import { bulkMethods, largeMessageBytes, pathOf } from "./bulk/methods.js";
import type { BulkThreads } from "./bulk/threads.js";
import { connectOptions } from "./connect-options.js";
import { allowOrigins } from "./cors.js";
import type { Door } from "./door.js";
import { toErrorAnswer } from "./error-answers.js";
import { type HttpCall, toCall } from "./http-call.js";
import { createHttpServer } from "./http-versions.js";
import { weigh } from "./large-bodies.js";
import { explainErrors } from "./library-errors.js";
import type { Origins } from "./origins.js";
import type { Mount } from "./services.js";
import type { Tls } from "./tls.js";

/** Opens the door for Connect, gRPC-Web and plain JSON over HTTP/1.1 and HTTP/2. */
export async function openHttpDoor(
  address: Address,
  corsOrigins: Origins,
  mountServices: (mount: Mount) => void,
  threads: BulkThreads,
  admission: Admission,
  log: Logger,
  tls?: Tls,
): Promise<Door> {
  const answerCalls = createListener(mountServices, threads, admission, log);
  const listener = allowOrigins(corsOrigins, answerCalls);
  const { server, close } = createHttpServer(listener, tls);
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
  { admit }: Admission,
  log: Logger,
): RequestListener {
  const router = createConnectRouter(connectOptions);
  mountServices((service, implementation) => router.service(service, implementation));
  const handlers = new Map<string, UniversalHandlerFn>();
  for (const handler of router.handlers) {
    handlers.set(handler.requestPath, (request) => handler(request).then(explainErrors));
  }
  const inThread = toBulkHandler(threads);
  for (const method of bulkMethods) handlers.set(pathOf(method), inThread);

  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const path = request.url?.split("?", 1)[0] ?? "";
    const handler = handlers.get(path);
    if (handler === undefined) return refuse(response, 404, "unimplemented", "no such method");
    const type = request.headers["content-type"] ?? "";
    let caller: Caller;
    try {
      caller = await admit(path, protocolOf(type), request.headers.authorization);
    } catch (error) {
      const answer = toErrorAnswer(new Headers({ "content-type": type }), toConnectError(error));
      return universalResponseToNodeResponse(challenge(answer), response);
    }
    const call = toCall(request, response, caller);
    if (call === undefined) {
      return refuse(response, 400, "invalid_argument", "the request has no valid host");
    }
    await universalResponseToNodeResponse(await serve(handler, request, call), response);
  };
  const serve = async (handler: UniversalHandlerFn, request: IncomingMessage, call: HttpCall) => {
    if (handler === inThread) return inThread(call);
    const { mayBeLarge, body } = await weigh(request, call.body, largeMessageBytes);
    return (mayBeLarge ? inThread : handler)({ ...call, body });
  };
  return (request, response) => {
    answer(request, response).catch((error) => {
      response.destroy();
      // The caller has gone: its call ended with a line of its own.
      if (ConnectError.from(error).code === Code.Aborted) return;
      log.error({ err: error, rpc: request.url }, "cannot answer");
    });
  };
}

/** Answers what no protocol of Connect gets to see, as its protocol for unary calls would. */
function refuse(response: ServerResponse, status: number, code: string, message: string): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify({ code, message }));
}

/** As in the log and in metrics. */
function protocolOf(contentType: string): string {
  if (contentType.startsWith("application/grpc-web")) return "grpc-web";
  return contentType.startsWith("application/grpc") ? "grpc" : "connect";
}

/** An answer of 401 says what it asks for (RFC 9110, section 11.6.1). */
function challenge(answer: UniversalServerResponse): UniversalServerResponse {
  if (answer.status === 401) answer.header?.set("www-authenticate", "Bearer");
  return answer;
}
