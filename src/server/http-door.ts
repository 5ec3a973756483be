import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import type { AddressInfo, Server } from "node:net";
import { Code, ConnectError, createConnectRouter } from "@connectrpc/connect";
import type { UniversalHandlerFn, UniversalServerResponse } from "@connectrpc/connect/protocol";
import { universalResponseToNodeResponse } from "@connectrpc/connect-node";
import type { Logger } from "pino";
import { type Caller, callerKey } from "../rpc/caller.js";
import { toConnectError } from "../rpc/errors.js";
import { malformed } from "../rpc/library-errors.js";
import type { Address } from "./address.js";
import type { Admission } from "./auth/admission.js";
import { toBulkHandler } from "./bulk/http.js";
import { bulkMethods, largeMessageBytes, pathOf } from "./bulk/methods.js";
import type { BulkThreads } from "./bulk/threads.js";
import { type CallObserver, type OpenCall, toEndedCall, toUnhandledCall } from "./call-observer.js";
import { toConnectOptions } from "./connect-options.js";
import { allowOrigins } from "./cors.js";
import type { Door, DoorLimits } from "./door.js";
import { toErrorAnswer } from "./error-answers.js";
import { type HttpCall, toCall, whyUnreadable } from "./http-call.js";
import { createHttpServer } from "./http-versions.js";
import { weigh } from "./large-bodies.js";
import { answerInOurTerms } from "./library-errors.js";
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
  limits: DoorLimits,
  observer: CallObserver,
  log: Logger,
  tls?: Tls,
): Promise<Door> {
  const answerCalls = createListener(mountServices, threads, admission, limits, observer, log);
  const listener = allowOrigins(corsOrigins, answerCalls);
  const { server, close } = createHttpServer(
    listener,
    limits.connections,
    limits.maxStreamTimeoutMs,
    tls,
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
  { admit }: Admission,
  limits: DoorLimits,
  observer: CallObserver,
  log: Logger,
): RequestListener {
  const router = createConnectRouter(toConnectOptions(limits.maxMessageBytes));
  mountServices((service, implementation) => router.service(service, implementation));
  const handlers = new Map<string, UniversalHandlerFn>();
  for (const handler of router.handlers) {
    handlers.set(handler.requestPath, async (request) => {
      const open = toUnhandledCall(
        handler.requestPath.slice(1),
        (name) => request.header.get(name) ?? undefined,
        request.contextValues?.get(callerKey),
      );
      return answerInOurTerms(handler, request, (failure) => tellRefusal(open, failure));
    });
  }
  const tellRefusal = (open: OpenCall, failure: ConnectError) => {
    observer.callStarts(open.rpc);
    observer.callEnds(toEndedCall(open, failure));
  };
  const inThread = toBulkHandler(threads);
  const longestMs = Math.max(limits.maxCallTimeoutMs, limits.maxStreamTimeoutMs);
  for (const method of bulkMethods) handlers.set(pathOf(method), inThread);

  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const path = request.url?.split("?", 1)[0] ?? "";
    const handler = handlers.get(path);
    if (handler === undefined) return refuse(response, 404, "unimplemented", "no such method");
    const type = request.headers["content-type"] ?? "";
    let caller: Caller;
    try {
      caller = await admit(path, (name) => request.headers[name]?.toString());
    } catch (error) {
      const answer = toErrorAnswer(new Headers({ "content-type": type }), toConnectError(error));
      return universalResponseToNodeResponse(challenge(answer), response);
    }
    const call = toCall(request, response, caller, longestMs);
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
      // Without what follows the path: it may be a message.
      log.error({ err: error, rpc: request.url?.split("?", 1)[0]?.slice(1) }, "cannot answer");
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

/** An answer of 401 says what it asks for (RFC 9110, section 11.6.1). */
function challenge(answer: UniversalServerResponse): UniversalServerResponse {
  if (answer.status === 401) answer.header?.set("www-authenticate", "Bearer");
  return answer;
}
