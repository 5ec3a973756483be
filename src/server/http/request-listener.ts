import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { Code, ConnectError, createConnectRouter } from "@connectrpc/connect";
import type { UniversalHandler, UniversalServerResponse } from "@connectrpc/connect/protocol";
import { universalResponseToNodeResponse } from "@connectrpc/connect-node";
import type { Caller } from "../../domain/caller.js";
import type { DomainError } from "../../domain/domain-error.js";
import { callerKey } from "../../rpc/call/caller-context.js";
import { toConnectError } from "../../rpc/errors/to-connect-error.js";
import { malformed } from "../../rpc/errors/translate-connect-error.js";
import { type OpenCall, recordRejectedCall, toUnhandledCall } from "../calls/call-log.js";
import { headerFinder } from "../calls/request-id.js";
import { toConnectOptions } from "../connect/connect-options.js";
import { toErrorAnswer } from "../connect/error-response.js";
import { handleAndRewriteErrors } from "../connect/rewrite-connect-errors.js";
import { rpcOf, unimplemented } from "../connect/unknown-method.js";
import { type ListenerDependencies, longestCallMs } from "../listener.js";
import { largeMessageBytes, offloadedMethods, pathOf } from "../threads/offloaded-methods.js";
import { weigh } from "./body-size.js";
import { toNotFound, toPlainAnswer, unsupportedReason } from "./http-errors.js";
import { toOffloadedHandler } from "./http-offload.js";
import { type HttpCall, limitCall, malformedReason, toCall } from "./request.js";

/**
 * Answers requests as connectNodeAdapter does, but for who may call, large messages, Connect's own
 * errors, and what it logs.
 */
export function createRequestListener(surroundings: ListenerDependencies): RequestListener {
  const { authorizer: admission, limits, callLog: observer, log } = surroundings;
  const longestMs = longestCallMs(limits);
  const methods = createMethods(surroundings);
  const answerTo = async (request: IncomingMessage, response: ServerResponse) => {
    const path = pathOfUrl(request.url);
    const find = (name: string) => request.headers[name]?.toString();
    const type = find("content-type") ?? "";
    const refuse = (failure: ConnectError) =>
      toErrorAnswer(new Headers({ "content-type": type }), failure);
    const tell = (refusal: DomainError, caller?: Caller) => {
      const failure = toConnectError(refusal);
      recordRejectedCall(observer, toUnhandledCall(rpcOf(path), find, caller), failure);
      return failure;
    };
    if (!find(":authority") && !find("host")) return refuse(tell(malformed(noHost)));
    const method = methods.get(path);
    if (method === undefined) return toNotFound(type, tell(unimplemented(path)));
    let caller: Caller;
    try {
      caller = await admission.authorize(path, find);
    } catch (error) {
      return challenge(refuse(toConnectError(error)));
    }
    const unfit = unsupportedReason(method.handler, request.method ?? "", type);
    if (unfit !== undefined) return toPlainAnswer(unfit, tell(unfit.refusal, caller));
    const call = toCall(request, response, caller, longestMs);
    if (call === undefined) return refuse(tell(malformed(noHost), caller));
    const problem = malformedReason(call);
    if (problem !== undefined) return refuse(tell(malformed(problem), caller));
    return method.handle(call, request, response);
  };
  const answer = async (request: IncomingMessage, response: ServerResponse) =>
    universalResponseToNodeResponse(await answerTo(request, response), response);
  return (request, response) => {
    answer(request, response).catch((error) => {
      response.destroy();
      if (hasCallerGone(error)) return;
      // Without what follows the path: it may be a message.
      log.error({ err: error, rpc: pathOfUrl(request.url).slice(1) }, "cannot answer");
    });
  };
}

const noHost = "it names no host, or none that can be one; expected a header Host, or :authority";

type Handle = (
  call: HttpCall,
  request: IncomingMessage,
  response: ServerResponse,
) => Promise<UniversalServerResponse>;

/** A method: what Connect takes for it, and how it is served. */
type Method = { readonly handler: UniversalHandler; readonly handle: Handle };

/** By path. Bulk methods, and large messages of any, are served in threads. */
function createMethods({
  mountServices,
  threads,
  limits,
  callLog: observer,
}: ListenerDependencies): ReadonlyMap<string, Method> {
  const router = createConnectRouter(toConnectOptions(limits.maxMessageBytes));
  mountServices((service, implementation) => router.service(service, implementation));
  const serveInThread = toOffloadedHandler(threads);
  const serveHere = (handler: UniversalHandler, open: OpenCall, call: HttpCall) =>
    handleAndRewriteErrors(handler, call, limits.maxMessageBytes, (failure) =>
      recordRejectedCall(observer, open, failure),
    );
  const bulkPaths = new Set(offloadedMethods.map(pathOf));
  const methods = router.handlers.map((handler): readonly [string, Method] => {
    const path = handler.requestPath;
    if (bulkPaths.has(path)) return [path, { handler, handle: serveInThread }];
    const handle: Handle = async (call, request, response) => {
      const caller = call.contextValues?.get(callerKey);
      const open = toUnhandledCall(path.slice(1), headerFinder(call.header), caller);
      const { limited, lift } = limitCall(call, limits.maxCallTimeoutMs);
      response.once("close", lift);
      const { mayBeLarge, body } = await weigh(request, limited.body, largeMessageBytes);
      if (!mayBeLarge) return serveHere(handler, open, { ...limited, body });
      // A thread has a limit of its own, and could not tell by a broken body why it is broken.
      lift();
      return serveInThread({ ...call, body });
    };
    return [path, { handler, handle }];
  });
  return new Map(methods);
}

function pathOfUrl(url = ""): string {
  return url.split("?", 1)[0] ?? "";
}

/** Its call ended with a line of its own, if it had come so far that it was one. */
function hasCallerGone(error: unknown): boolean {
  const { name, code = "" } = (error ?? {}) as NodeJS.ErrnoException;
  if (name === "AbortError") return true;
  return ConnectError.from(error).code === Code.Aborted || abortCodes.has(code);
}

/** Of reading a request whose connection, or stream, has been closed before its end. */
const abortCodes: ReadonlySet<string> = new Set(["ECONNRESET", "ERR_STREAM_PREMATURE_CLOSE"]);

/** An answer of 401 says what it asks for (RFC 9110, section 11.6.1). */
function challenge(answer: UniversalServerResponse): UniversalServerResponse {
  if (answer.status === 401) answer.header?.set("www-authenticate", "Bearer");
  return answer;
}
