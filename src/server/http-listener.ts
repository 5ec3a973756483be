import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { Code, ConnectError, createConnectRouter } from "@connectrpc/connect";
import type { UniversalHandlerFn, UniversalServerResponse } from "@connectrpc/connect/protocol";
import { universalResponseToNodeResponse } from "@connectrpc/connect-node";
import type { Caller } from "../domain/caller.js";
import { callerKey } from "../rpc/caller.js";
import { toConnectError } from "../rpc/errors.js";
import { malformed } from "../rpc/library-errors.js";
import { toBulkHandler } from "./bulk/http.js";
import { bulkMethods, largeMessageBytes, pathOf } from "./bulk/methods.js";
import { headerFinder } from "./call-ids.js";
import { type OpenCall, tellRefusal, toUnhandledCall } from "./call-observer.js";
import { toConnectOptions } from "./connect-options.js";
import { type DoorSurroundings, longestCallMs } from "./door.js";
import { toErrorAnswer } from "./error-answers.js";
import { type HttpCall, limitCall, toCall, whyUnreadable } from "./http-call.js";
import { weigh } from "./large-bodies.js";
import { answerInOurTerms } from "./library-errors.js";

/**
 * Answers requests as connectNodeAdapter does, but for who may call, large messages, Connect's own
 * errors, and what it logs.
 */
export function createHttpListener(surroundings: DoorSurroundings): RequestListener {
  const { admission, limits, observer, log } = surroundings;
  const longestMs = longestCallMs(limits);
  const handlers = createHandlers(surroundings);
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const path = pathOfUrl(request.url);
    const handle = handlers.get(path);
    if (handle === undefined) return refuse(response, 404, "unimplemented", "no such method");
    const respond = (answer: UniversalServerResponse) =>
      universalResponseToNodeResponse(answer, response);
    let caller: Caller;
    try {
      caller = await admission.admit(path, (name) => request.headers[name]?.toString());
    } catch (error) {
      const type = request.headers["content-type"] ?? "";
      const refusal = toErrorAnswer(new Headers({ "content-type": type }), toConnectError(error));
      return respond(challenge(refusal));
    }
    const call = toCall(request, response, caller, longestMs);
    if (call === undefined) {
      return refuse(response, 400, "invalid_argument", "the request has no valid host");
    }
    const problem = whyUnreadable(call);
    if (problem === undefined) return respond(await handle(call, request, response));
    const failure = toConnectError(malformed(problem));
    const open = toUnhandledCall(path.slice(1), headerFinder(call.header), caller);
    tellRefusal(observer, open, failure);
    return respond(toErrorAnswer(call.header, failure));
  };
  return (request, response) => {
    answer(request, response).catch((error) => {
      response.destroy();
      if (hasCallerGone(error)) return;
      // Without what follows the path: it may be a message.
      log.error({ err: error, rpc: pathOfUrl(request.url).slice(1) }, "cannot answer");
    });
  };
}

type Handle = (
  call: HttpCall,
  request: IncomingMessage,
  response: ServerResponse,
) => Promise<UniversalServerResponse>;

/** By path. Bulk methods, and large messages of any, are served in threads. */
function createHandlers({
  mountServices,
  threads,
  limits,
  observer,
}: DoorSurroundings): ReadonlyMap<string, Handle> {
  const router = createConnectRouter(toConnectOptions(limits.maxMessageBytes));
  mountServices((service, implementation) => router.service(service, implementation));
  const serveInThread = toBulkHandler(threads);
  const serveHere = (handler: UniversalHandlerFn, open: OpenCall, call: HttpCall) =>
    answerInOurTerms(handler, call, (failure) => tellRefusal(observer, open, failure));
  const handlers = new Map<string, Handle>();
  for (const handler of router.handlers) {
    const path = handler.requestPath;
    handlers.set(path, async (call, request, response) => {
      const caller = call.contextValues?.get(callerKey);
      const open = toUnhandledCall(path.slice(1), headerFinder(call.header), caller);
      const { limited, lift } = limitCall(call, limits.maxCallTimeoutMs);
      response.once("close", lift);
      const { mayBeLarge, body } = await weigh(request, limited.body, largeMessageBytes);
      if (!mayBeLarge) return serveHere(handler, open, { ...limited, body });
      // A thread has a limit of its own, and could not tell by a broken body why it is broken.
      lift();
      return serveInThread({ ...call, body });
    });
  }
  for (const method of bulkMethods) handlers.set(pathOf(method), serveInThread);
  return handlers;
}

function pathOfUrl(url = ""): string {
  return url.split("?", 1)[0] ?? "";
}

/** Its call ended with a line of its own, if it had come so far that it was one. */
function hasCallerGone(error: unknown): boolean {
  const { name, code = "" } = error as NodeJS.ErrnoException;
  if (name === "AbortError") return true;
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
