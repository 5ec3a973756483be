import type { ConnectError } from "@connectrpc/connect";
import * as grpc from "@grpc/grpc-js";
import type { Caller } from "../../domain/caller.js";
import type { DomainError } from "../../domain/domain-error.js";
import { attempt } from "../../logging/contained.js";
import { toConnectError } from "../../rpc/errors/to-connect-error.js";
import { type CallLog, recordRejectedCall, toUnhandledCall } from "../calls/call-log.js";
import { isOurs } from "../connect/unknown-method.js";
import { abortHandler } from "./handler-context.js";
import { firstOf } from "./metadata.js";
import { type SentStatus, toStatus } from "./status.js";
import {
  explainHandlerStatus,
  explainLibraryStatus,
  type ReceivedCall,
  type RequestHeaders,
  shorten,
} from "./status-errors.js";

/** A method as interceptors are told of it. */
export type Method = Parameters<grpc.ServerInterceptor>[0];

type Listener = Parameters<grpc.ServerInterceptingCall["start"]>[0];

/** What the calls of a server have in common. */
export type InterceptedCallOptions = {
  readonly callLog: CallLog;
  readonly maxMessageBytes: number;
  /** What the headers say of the call that is being created. */
  readonly currentHeaders: () => RequestHeaders;
};

/**
 * A call of grpc-js, and what has been received of it. Translates the errors of grpc-js itself into ours,
 * counts and logs them: grpc-js gives no details, and the code INTERNAL to malformed calls, although
 * the client caused them.
 *
 * grpc-js sends its own errors past all interceptors, by a method of the innermost call; so this
 * replaces that method. What handlers and other interceptors send comes through `sendStatus`.
 */
export class InterceptedCall extends grpc.ServerInterceptingCall implements ReceivedCall {
  readonly method: Method;
  readonly headers: RequestHeaders;
  readonly maxMessageBytes: number;
  messages = 0;
  isHalfClosed = false;
  protected readonly call: grpc.ServerInterceptingCallInterface;
  /** Set as soon as they are known. */
  protected metadata: grpc.Metadata | undefined;
  protected caller: Caller | undefined;
  readonly #callLog: CallLog;
  readonly #sendStatus: (status: SentStatus) => void;
  readonly #startedAtMs = performance.now();
  #listener: Listener | undefined;
  #isPassedOn = false;
  #isEnded = false;

  constructor(
    call: grpc.ServerInterceptingCallInterface,
    method: Method,
    { callLog, maxMessageBytes, currentHeaders }: InterceptedCallOptions,
  ) {
    super(call);
    this.call = call;
    this.method = method;
    this.headers = currentHeaders();
    this.maxMessageBytes = maxMessageBytes;
    this.#callLog = callLog;
    this.#sendStatus = call.sendStatus;
    call.sendStatus = (status) => this.#translate(status, explainLibraryStatus);
  }

  override start(listener: Listener): void {
    this.#listener = listener;
    this.call.start(this);
  }

  override sendMetadata(metadata: grpc.Metadata): void {
    this.call.sendMetadata(metadata);
  }

  override sendMessage(message: unknown, onSent: () => void): void {
    this.call.sendMessage(message, onSent);
  }

  override sendStatus(status: SentStatus): void {
    this.#translate(status, explainHandlerStatus);
  }

  onReceiveMetadata(metadata: grpc.Metadata): void {
    this.#isPassedOn = true;
    this.#listener?.onReceiveMetadata(metadata);
  }

  onReceiveMessage(message: unknown): void {
    this.messages += 1;
    this.#listener?.onReceiveMessage(message);
  }

  onReceiveHalfClose(): void {
    this.isHalfClosed = true;
    this.#listener?.onReceiveHalfClose();
  }

  onCancel(): void {
    this.#listener?.onCancel();
  }

  /** Ends the call with an error: counts it, logs it and sends it. */
  protected reject(error: unknown): void {
    const failure = toConnectError(error);
    attempt(() => this.#record(failure));
    this.sendRecorded(failure);
  }

  /** Sends an error that has been counted and logged. */
  protected sendRecorded(failure: ConnectError): void {
    this.#isEnded = true;
    this.#send(toStatus(failure));
  }

  #translate(status: SentStatus, explain: Explain): void {
    const error = hasOurDetails(status) ? undefined : explain(status, this);
    if (error === undefined) {
      this.#isEnded = true;
      this.#send(shorten(status));
    } else this.reject(error);
  }

  /** Never throws: grpc-js calls it from timers, where that would end the process. */
  #send(status: SentStatus): void {
    try {
      this.#sendStatus.call(this.call, status);
    } catch {
      // Something of it is not fit for headers.
      const internal = { code: grpc.status.INTERNAL, details: "internal error" };
      attempt(() => this.#sendStatus.call(this.call, internal));
    }
  }

  /** Of calls that are ours, the first end counts. */
  #record(failure: ConnectError): void {
    const { path, requestStream } = this.method;
    if (this.#isEnded || !isOurs(path)) return;
    const hasRequest = requestStream || (this.isHalfClosed && this.messages === 1);
    const { metadata } = this;
    if (this.#isPassedOn && hasRequest && metadata !== undefined) {
      // A handler has started: it gets the error, and its call is recorded with it.
      abortHandler(metadata, failure);
      return;
    }
    // grpc-js does not pass the content-type on.
    const find = (name: string) =>
      name === "content-type" ? "application/grpc" : metadata && firstOf(metadata, name);
    const open = toUnhandledCall(path.slice(1), find, this.caller);
    recordRejectedCall(this.#callLog, { ...open, startedAtMs: this.#startedAtMs }, failure);
  }
}

type Explain = (status: SentStatus, call: ReceivedCall) => DomainError | undefined;

/** Whether a status is ours, and has been counted and logged: it has details, as ours have. */
function hasOurDetails({ code, metadata }: SentStatus): boolean {
  return code === grpc.status.OK || (metadata?.get("grpc-status-details-bin").length ?? 0) > 0;
}
