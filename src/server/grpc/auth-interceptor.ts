import type * as grpc from "@grpc/grpc-js";
import type { Caller } from "../../domain/caller.js";
import { toConnectError } from "../../rpc/errors/to-connect-error.js";
import { deadlineExceeded } from "../../rpc/errors/translate-connect-error.js";
import type { Authorizer } from "../auth/authorizer.js";
import { InterceptedCall, type InterceptedCallOptions, type Method } from "./error-interceptor.js";
import type { AuthorizedContext } from "./handler-context.js";
import { firstOf } from "./metadata.js";
import { malformedTimeout } from "./status-errors.js";

/** How calls are authorized, and how long their message may take. */
export type AuthorizedCallOptions = InterceptedCallOptions & {
  readonly authorizer: Authorizer;
  readonly messageLimitMs: number;
};

/**
 * Asks for authorizer when a call's headers have come, before any message is read, whatever the
 * service: reflection and health as well. From then on the message has to come in time. To be the
 * first interceptor: it also translates the errors of grpc-js.
 */
export function createAuthInterceptor(options: AuthorizedCallOptions): grpc.ServerInterceptor {
  return (method, call) => new AuthorizedCall(call, method, options);
}

/**
 * Passes a call on once it is authorized. Nothing of it is read before, so there is nothing to buffer:
 * grpc-js's own interceptors, which buffer, take longer than many calls. Nothing that is thrown here
 * reaches grpc-js, which would let it end the process.
 */
class AuthorizedCall extends InterceptedCall {
  readonly #options: AuthorizedCallOptions;
  #timer: NodeJS.Timeout | undefined;
  /** Nothing that comes counts any more. */
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
    // Not the certificate as well, which takes longer than most calls.
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
      const authorized = authorizer.authorize(this.method.path, (name) => firstOf(metadata, name));
      if (authorized instanceof Promise) {
        authorized.then((caller) => this.#passOn(metadata, caller), reject);
      } else this.#passOn(metadata, authorized);
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

  #passOn(metadata: grpc.Metadata, caller: Caller): void {
    // Whom authorizer took long to let in may have gone.
    if (this.#isOver) return;
    this.caller = caller;
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

  /** grpc-js starts no handler before, and waits for ever. Streams have limits of their own. */
  #waitForMessage(): void {
    this.#timer = setTimeout(() => this.#end(deadlineExceeded()), this.#options.messageLimitMs);
  }

  #end(error: unknown): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.reject(error);
  }
}
