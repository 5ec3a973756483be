import type * as grpc from "@grpc/grpc-js";
import type { Caller } from "../../domain/caller.js";
import { toConnectError } from "../../rpc/errors/to-connect-error.js";
import { deadlineExceeded } from "../../rpc/errors/translate-connect-error.js";
import type { Authorizer } from "../auth/authorizer.js";
import { callerOn } from "../connections/anonymous-callers.js";
import { InterceptedCall, type InterceptedCallOptions, type Method } from "./error-interceptor.js";
import type { AuthorizedContext } from "./handler-context.js";
import { firstOf } from "./metadata.js";
import { malformedTimeout } from "./status-errors.js";

/** Settings that authorize calls and limit the wait for their message. */
export type AuthorizedCallOptions = InterceptedCallOptions & {
  readonly authorizer: Authorizer;
  readonly messageTimeoutMs: number;
};

/**
 * Authorizes the calls of all services, including reflection and health, when their headers arrive
 * and before a message is read. The message must then arrive within `messageTimeoutMs`. Must be the
 * first interceptor: it also translates grpc-js's errors.
 */
export function createAuthInterceptor(options: AuthorizedCallOptions): grpc.ServerInterceptor {
  return (method, call) => new AuthorizedCall(call, method, options);
}

/**
 * Passes a call on after it is authorized. Reads no message before that, so there is nothing to
 * buffer: grpc-js's own buffering of events takes longer than many calls. Catches every error that
 * is thrown here, because grpc-js does not, and the error would end the process.
 */
class AuthorizedCall extends InterceptedCall {
  readonly #options: AuthorizedCallOptions;
  #timer: NodeJS.Timeout | undefined;
  /** True after the call has ended: later events are ignored. */
  #isOver = false;

  constructor(
    call: grpc.ServerInterceptingCallInterface,
    method: Method,
    options: AuthorizedCallOptions,
  ) {
    super(call, method, options);
    this.#options = options;
  }

  override getAuthContext(): AuthorizedContext {
    // Omits the client certificate: reading it takes longer than most calls.
    return { caller: this.caller };
  }

  override onReceiveMetadata(metadata: grpc.Metadata): void {
    this.metadata = metadata;
    const { authorizer } = this.#options;
    const reject = (error: unknown) => {
      this.#isOver = true;
      this.sendRecorded(toConnectError(error));
    };
    try {
      const authorized = authorizer.authorize(
        this.method.path,
        (name) => firstOf(metadata, name),
        this.client,
      );
      if (authorized instanceof Promise) {
        authorized.then((caller) => this.#continueAs(metadata, caller), reject);
      } else this.#continueAs(metadata, authorized);
    } catch (error) {
      reject(error);
    }
  }

  override onReceiveMessage(message: unknown): void {
    if (this.#isOver) return;
    try {
      super.onReceiveMessage(message);
    } catch (error) {
      this.#end(error);
    }
  }

  override onReceiveHalfClose(): void {
    clearTimeout(this.#timer);
    if (this.#isOver) return;
    try {
      super.onReceiveHalfClose();
    } catch (error) {
      this.#end(error);
    }
  }

  override onCancel(): void {
    clearTimeout(this.#timer);
    this.#isOver = true;
    try {
      super.onCancel();
    } catch (error) {
      this.#end(error);
    }
  }

  #continueAs(metadata: grpc.Metadata, caller: Caller): void {
    // The client may have cancelled the call during an asynchronous authorization.
    if (this.#isOver) return;
    this.caller = this.session === undefined ? caller : callerOn(caller, this.session);
    this.client.caller = this.caller.limitKey;
    if (this.headers.isTimeoutMalformed) {
      this.#end(malformedTimeout());
      return;
    }
    if (!this.method.requestStream) this.#waitForMessage();
    try {
      super.onReceiveMetadata(metadata);
    } catch (error) {
      this.#end(error);
    }
  }

  /**
   * Ends the call if its message does not arrive in time: grpc-js starts the handler after the
   * message, and waits for it without limit. Streams have limits of their own.
   */
  #waitForMessage(): void {
    this.#timer = setTimeout(() => this.#end(deadlineExceeded()), this.#options.messageTimeoutMs);
  }

  #end(error: unknown): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.endWithError(error);
  }
}
