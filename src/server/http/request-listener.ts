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
import { toErrorResponse } from "../connect/error-response.js";
import { handleAndRewriteErrors } from "../connect/rewrite-connect-errors.js";
import { rpcOf, unimplemented } from "../connect/unknown-method.js";
import { callerOn } from "../connections/anonymous-callers.js";
import { connectionOf, recordOf } from "../connections/client-record.js";
import { type ListenerDependencies, longestCallMs } from "../listener.js";
import { largeMessageBytes, offloadedMethods, pathOf } from "../threads/offloaded-methods.js";
import { checkBodySize, isRejectedUnread } from "./body-size.js";
import { toNotFound, toPlainResponse, unsupportedReason } from "./http-errors.js";
import { toOffloadedHandler } from "./http-offload.js";
import { type HttpCall, limitCall, malformedReason, toCall } from "./request.js";

/**
 * Serves requests as connectNodeAdapter does. In addition it authorizes callers, offloads large
 * messages to worker threads, rewrites Connect's own errors, and logs rejected calls.
 */
export function createRequestListener(dependencies: ListenerDependencies): RequestListener {
  const { authorizer, limits, turns, callLog, log } = dependencies;
  const longestMs = longestCallMs(limits);
  const methods = createMethods(dependencies);
  const handle = async (request: IncomingMessage, response: ServerResponse) => {
    const path = pathOfUrl(request.url);
    const find = (name: string) => request.headers[name]?.toString();
    const type = find("content-type") ?? "";
    const toResponse = (failure: ConnectError) =>
      toErrorResponse(new Headers({ "content-type": type }), failure);
    const record = (error: DomainError, caller?: Caller) => {
      const failure = toConnectError(error);
      recordRejectedCall(callLog, toUnhandledCall(rpcOf(path), find, caller), failure);
      return failure;
    };
    if (!find(":authority") && !find("host")) return toResponse(record(malformed(noHost)));
    const method = methods.get(path);
    if (method === undefined) return toNotFound(type, record(unimplemented(path)));
    const connection = connectionOf(request);
    const client = recordOf(connection);
    let caller: Caller;
    try {
      const found = await authorizer.authorize(path, find, client);
      caller = connection === undefined ? found : callerOn(found, connection);
      client.caller = caller.limitKey;
    } catch (error) {
      // Over HTTP/2, such a client is disconnected.
      if (request.httpVersionMajor === 1 && !client.isAuthenticated) {
        await waitUntilClosed(response, turns.rejectionWaitMs(client.address));
      }
      return challenge(toResponse(toConnectError(error)));
    }
    const { method: httpMethod = "", url = "" } = request;
    const unsupported = unsupportedReason(method.handler, httpMethod, type, url);
    if (unsupported !== undefined) {
      return toPlainResponse(unsupported, record(unsupported.error, caller));
    }
    const call = toCall(request, response, caller, longestMs);
    if (call === undefined) return toResponse(record(malformed(noHost), caller));
    const problem = malformedReason(call);
    if (problem !== undefined) return toResponse(record(malformed(problem), caller));
    return method.handle(call, request, response);
  };
  const respond = async (request: IncomingMessage, response: ServerResponse) =>
    universalResponseToNodeResponse(await handle(request, response), response);
  return (request, response) => {
    respond(request, response).catch((error) => {
      response.destroy();
      if (hasCallerGone(error)) return;
      // Logs the path without the query, which may contain a message.
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

/** Connect's handler of a method, and the function that serves its calls. */
type Method = { readonly handler: UniversalHandler; readonly handle: Handle };

/** Returns methods by path. Worker threads serve offloaded methods, and large messages of others. */
function createMethods({
  mountServices,
  threads,
  limits,
  callLog,
}: ListenerDependencies): ReadonlyMap<string, Method> {
  const router = createConnectRouter(toConnectOptions(limits.maxMessageBytes));
  mountServices((service, implementation) => router.service(service, implementation));
  const serveInThread = toOffloadedHandler(threads);
  const serveInMainThread = (handler: UniversalHandler, open: OpenCall, call: HttpCall) =>
    handleAndRewriteErrors(handler, call, limits.maxMessageBytes, (failure) =>
      recordRejectedCall(callLog, open, failure),
    );
  const offloadedPaths = new Set(offloadedMethods.map(pathOf));
  const methods = router.handlers.map((handler): readonly [string, Method] => {
    const path = handler.requestPath;
    const isOffloaded = offloadedPaths.has(path);
    const handle: Handle = async (call, request, response) => {
      const caller = call.contextValues?.get(callerKey);
      const open = toUnhandledCall(path.slice(1), headerFinder(call.header), caller);
      if (isRejectedUnread(request, limits.maxMessageBytes)) {
        return serveInMainThread(handler, open, call);
      }
      if (isOffloaded) return serveInThread(call);
      const { limited, removeLimit } = limitCall(call, limits.maxCallTimeoutMs);
      response.once("close", removeLimit);
      const { mayBeLarge, body } = await checkBodySize(request, limited.body, largeMessageBytes);
      if (!mayBeLarge) return serveInMainThread(handler, open, { ...limited, body });
      // A thread has its own limit, and could not see from a failed body why the body failed.
      removeLimit();
      return serveInThread({ ...call, body });
    };
    return [path, { handler, handle }];
  });
  return new Map(methods);
}

function pathOfUrl(url = ""): string {
  return url.split("?", 1)[0] ?? "";
}

/** Returns whether the client has disconnected. A call that had started is already logged. */
function hasCallerGone(error: unknown): boolean {
  const { name, code = "" } = (error ?? {}) as NodeJS.ErrnoException;
  if (name === "AbortError") return true;
  return ConnectError.from(error).code === Code.Aborted || abortCodes.has(code);
}

/** The error codes of a connection or stream that was closed before the end of the request. */
const abortCodes: ReadonlySet<string> = new Set(["ECONNRESET", "ERR_STREAM_PREMATURE_CLOSE"]);

/** Waits, but at most until the client has disconnected. */
async function waitUntilClosed(response: ServerResponse, mostMs: number): Promise<void> {
  if (mostMs === 0 || response.destroyed) return;
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, mostMs);
    response.once("close", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

/** Adds the authentication scheme to a response with status 401 (RFC 9110, section 11.6.1). */
function challenge(response: UniversalServerResponse): UniversalServerResponse {
  if (response.status === 401) response.header?.set("www-authenticate", "Bearer");
  return response;
}
