import type { Http2Session } from "node:http2";
import type { ConnectError } from "@connectrpc/connect";
import * as grpc from "@grpc/grpc-js";
import type { Caller } from "../../domain/caller.js";
import type { DomainError } from "../../domain/domain-error.js";
import { attempt } from "../../logging/contained.js";
import { toConnectError } from "../../rpc/errors/to-connect-error.js";
import { type CallLog, recordRejectedCall, toUnhandledCall } from "../calls/call-log.js";
import { isKnownMethod } from "../connect/unknown-method.js";
import type { ClientRecord } from "../connections/client-record.js";
import { setAbortReason } from "./handler-context.js";
import type { CurrentCall } from "./http2-overrides.js";
import { firstOf } from "./metadata.js";
import { type SentStatus, toStatus } from "./status.js";
import {
  explainHandlerStatus,
  explainLibraryStatus,
  type ReceivedCall,
  type RequestHeaders,
  shorten,
} from "./status-errors.js";

/** The method description that interceptors receive. */
export type Method = Parameters<grpc.ServerInterceptor>[0];

type Listener = Parameters<grpc.ServerInterceptingCall["start"]>[0];

/** Settings that all calls of a server share. */
export type InterceptedCallOptions = {
  readonly callLog: CallLog;
  readonly maxMessageBytes: number;
  /** The call that is being created. */
  readonly current: CurrentCall;
};

/**
 * A call of grpc-js, and what has been received of it. Translates grpc-js's own errors into ours,
 * counts them and logs them: grpc-js sends no details, and sends INTERNAL for calls that it cannot
 * read, although that is the client's fault.
 *
 * grpc-js sends its own errors through a method of the innermost call, so that they bypass all
 * interceptors; this class replaces that method. The statuses of handlers and other interceptors
 * arrive at `sendStatus`.
 */
export class InterceptedCall extends grpc.ServerInterceptingCall implements ReceivedCall {
  readonly method: Method;
  readonly headers: RequestHeaders;
  protected readonly session: Http2Session | undefined;
  readonly maxMessageBytes: number;
  messageCount = 0;
  isHalfClosed = false;
  protected readonly call: grpc.ServerInterceptingCallInterface;
  /** Undefined until the headers arrive. */
  protected metadata: grpc.Metadata | undefined;
  /** Undefined until the call is authorized. */
  protected caller: Caller | undefined;
  protected readonly client: ClientRecord;
  readonly #callLog: CallLog;
  readonly #sendStatus: (status: SentStatus) => void;
  readonly #startedAtMs = performance.now();
  #listener: Listener | undefined;
  #isForwarded = false;
  #isEnded = false;

  constructor(
    call: grpc.ServerInterceptingCallInterface,
    method: Method,
    { callLog, maxMessageBytes, current }: InterceptedCallOptions,
  ) {
    super(call);
    this.call = call;
    this.method = method;
    this.headers = current.headers;
    this.session = current.session;
    this.client = current.client;
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
    this.#isForwarded = true;
    this.#listener?.onReceiveMetadata(metadata);
  }

  onReceiveMessage(message: unknown): void {
    this.messageCount += 1;
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
  protected endWithError(error: unknown): void {
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
    } else this.endWithError(error);
  }

  /** Never throws: grpc-js calls it from timers, where that would end the process. */
  #send(status: SentStatus): void {
    try {
      this.#sendStatus.call(this.call, status);
    } catch {
      // A part of the status cannot be encoded in headers.
      const internal = { code: grpc.status.INTERNAL, details: "internal error" };
      attempt(() => this.#sendStatus.call(this.call, internal));
    }
  }

  /** Records the first error of a call. Ignores calls of methods that are not ours. */
  #record(failure: ConnectError): void {
    const { path, requestStream } = this.method;
    if (this.#isEnded || !isKnownMethod(path)) return;
    const hasRequest = requestStream || (this.isHalfClosed && this.messageCount === 1);
    const { metadata } = this;
    if (this.#isForwarded && hasRequest && metadata !== undefined) {
      // A handler is running: it is aborted with this error and records the call.
      setAbortReason(metadata, failure);
      return;
    }
    // grpc-js removes the content-type from the metadata.
    const find = (name: string) =>
      name === "content-type" ? "application/grpc" : metadata && firstOf(metadata, name);
    const open = toUnhandledCall(path.slice(1), find, this.caller);
    recordRejectedCall(this.#callLog, { ...open, startedAtMs: this.#startedAtMs }, failure);
  }
}

type Explain = (status: SentStatus, call: ReceivedCall) => DomainError | undefined;

/**
 * Returns whether a status is OK, or has the details of one of our errors, which has then been
 * counted and logged.
 */
function hasOurDetails({ code, metadata }: SentStatus): boolean {
  return code === grpc.status.OK || (metadata?.get("grpc-status-details-bin").length ?? 0) > 0;
}
