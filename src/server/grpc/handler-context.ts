import type { DescMethod, DescService } from "@bufbuild/protobuf";
import {
  Code,
  ConnectError,
  type ContextValues,
  createContextValues,
  type HandlerContext,
} from "@connectrpc/connect";
import type * as grpc from "@grpc/grpc-js";
import type { Caller } from "../../domain/caller.js";
import { callerKey } from "../../rpc/call/caller-context.js";
import { rpcName } from "../calls/call-log.js";
import { requestIdHeader } from "../calls/request-id.js";
import { assignRequestId, firstOf, toHeaders, toMetadata } from "./metadata.js";

/** The part of a call that a context needs. grpc-js's streams and our unary calls have it. */
export type ServerCall = Pick<
  grpc.ServerDuplexStream<unknown, unknown>,
  "metadata" | "cancelled" | "getHost" | "getDeadline" | "getAuthContext" | "sendMetadata"
> & { once(event: "cancelled", listener: () => void): unknown };

/**
 * Connect's handler context for a call that came through grpc-js. Headers, values and the abort
 * signal are built when a handler reads them: most handlers never do, and building them takes
 * longer than many calls.
 */
export class GrpcContext implements HandlerContext {
  readonly requestMethod = "POST";
  readonly protocolName = "grpc";
  #abort: AbortController | undefined;
  #values: ContextValues | undefined;
  #requestHeader: Headers | undefined;
  #responseHeader: Headers | undefined;
  #responseTrailer: Headers | undefined;

  constructor(
    readonly method: DescMethod,
    private readonly call: ServerCall,
  ) {}

  get service(): DescService {
    return this.method.parent;
  }

  get url(): string {
    return `http://${this.call.getHost()}/${rpcName(this.method)}`;
  }

  get signal(): AbortSignal {
    this.#abort ??= abortWith(this.call);
    return this.#abort.signal;
  }

  timeoutMs(): number | undefined {
    const deadline = Number(this.call.getDeadline());
    return Number.isFinite(deadline) ? Math.max(0, deadline - Date.now()) : undefined;
  }

  get values(): ContextValues {
    this.#values ??= createContextValues().set(callerKey, callerOf(this.call));
    return this.#values;
  }

  get requestHeader(): Headers {
    this.#requestHeader ??= toHeaders(this.call.metadata);
    return this.#requestHeader;
  }

  /** Returns one request header without building all of them. */
  findHeader(name: string): string | undefined {
    return firstOf(this.call.metadata, name);
  }

  get responseHeader(): Headers {
    this.#responseHeader ??= new Headers();
    return this.#responseHeader;
  }

  get responseTrailer(): Headers {
    this.#responseTrailer ??= new Headers();
    return this.#responseTrailer;
  }

  /** Sends the response headers, if a handler has set any. */
  sendHeaders(): void {
    if (this.#responseHeader !== undefined)
      this.call.sendMetadata(toMetadata(this.#responseHeader));
  }

  /** Returns the trailers, if a handler has set any. */
  trailers(): grpc.Metadata | undefined {
    return this.#responseTrailer && toMetadata(this.#responseTrailer);
  }
}

/**
 * Sets the error with which a call's handler is aborted when grpc-js cancels the call. Adds the
 * request id to the error's metadata.
 */
export function setAbortReason(metadata: grpc.Metadata, failure: ConnectError): void {
  assignRequestId(metadata);
  failure.metadata.set(requestIdHeader, firstOf(metadata, requestIdHeader) ?? "");
  abortReasons.set(metadata, failure);
}

/** The errors, by the request metadata of the calls that they end. */
const abortReasons = new WeakMap<grpc.Metadata, ConnectError>();

function callerOf(call: ServerCall): Caller | undefined {
  return (call.getAuthContext() as AuthorizedContext).caller;
}

function abortWith(call: ServerCall): AbortController {
  const controller = new AbortController();
  const abort = () => {
    const failure = abortReasons.get(call.metadata);
    if (failure !== undefined) return controller.abort(failure);
    const isLate = Number(call.getDeadline()) <= Date.now();
    const code = isLate ? Code.DeadlineExceeded : Code.Canceled;
    controller.abort(new ConnectError(isLate ? "the call's time is up" : "cancelled", code));
  };
  if (call.cancelled) abort();
  else call.once("cancelled", abort);
  return controller;
}

/** grpc-js's auth context of a call, with the authorized caller. */
export type AuthorizedContext = ReturnType<grpc.ServerInterceptingCall["getAuthContext"]> & {
  readonly caller?: Caller | undefined;
};
