import * as grpc from "@grpc/grpc-js";
import type { Caller } from "../../domain/caller.js";
import { toConnectError } from "../../rpc/errors/to-connect-error.js";
import type { Authorizer } from "../auth/authorizer.js";
import type { CallOfCaller, Method } from "./error-interceptor.js";
import type { AuthorizedContext } from "./handler-context.js";
import { firstOf } from "./metadata.js";
import { type SentStatus, toStatus } from "./status.js";

/**
 * Asks for admission when a call's headers have come, before any message is read, whatever the
 * service: reflection and health as well. From then on the message has to come in time.
 */
export function createAuthInterceptor(
  admission: Authorizer,
  messageLimitMs: number,
): grpc.ServerInterceptor {
  return (method, call) => new AuthorizedCall(call, method, admission, messageLimitMs);
}

type Listener = Parameters<grpc.ServerInterceptingCall["start"]>[0];

/**
 * Passes a call on once it is let in. Nothing of it is read before, so that there is nothing to keep:
 * grpc-js' own way, for any listener, takes longer than many a call.
 */
class AuthorizedCall extends grpc.ServerInterceptingCall {
  readonly #call: grpc.ServerInterceptingCallInterface;
  readonly #method: Method;
  readonly #admission: Authorizer;
  readonly #messageLimitMs: number;
  #listener: Listener | undefined;
  #caller: Caller | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** Nothing that comes counts any more. */
  #isOver = false;

  constructor(
    call: grpc.ServerInterceptingCallInterface,
    method: Method,
    admission: Authorizer,
    messageLimitMs: number,
  ) {
    super(call);
    this.#call = call;
    this.#method = method;
    this.#admission = admission;
    this.#messageLimitMs = messageLimitMs;
  }

  override start(listener: Listener): void {
    this.#listener = listener;
    this.#call.start(this);
  }

  override sendMetadata(metadata: grpc.Metadata): void {
    this.#call.sendMetadata(metadata);
  }

  override sendMessage(message: unknown, onSent: () => void): void {
    this.#call.sendMessage(message, onSent);
  }

  override sendStatus(status: SentStatus): void {
    this.#call.sendStatus(status);
  }

  override getAuthContext(): AuthorizedContext {
    // Not the certificate as well, which takes longer than most calls.
    return { caller: this.#caller };
  }

  onReceiveMetadata(metadata: grpc.Metadata): void {
    try {
      const find = (name: string) => firstOf(metadata, name);
      const admitted = this.#admission.authorize(this.#method.path, find);
      if (admitted instanceof Promise) {
        admitted
          .then((caller) => this.#letIn(metadata, caller))
          .catch((error) => this.#refuse(error));
      } else this.#letIn(metadata, admitted);
    } catch (error) {
      this.#refuse(error);
    }
  }

  onReceiveMessage(message: unknown): void {
    if (!this.#isOver) this.#listener?.onReceiveMessage(message);
  }

  onReceiveHalfClose(): void {
    clearTimeout(this.#timer);
    if (!this.#isOver) this.#listener?.onReceiveHalfClose();
  }

  onCancel(): void {
    clearTimeout(this.#timer);
    this.#isOver = true;
    this.#listener?.onCancel();
  }

  #letIn(metadata: grpc.Metadata, caller: Caller): void {
    // Whom admission took long to let in may have gone.
    if (this.#isOver) return;
    this.#caller = caller;
    // For what grpc-js refuses below.
    (this.#call as CallOfCaller).caller = caller;
    if (!this.#method.requestStream) this.#waitForMessage();
    this.#listener?.onReceiveMetadata(metadata);
  }

  /** grpc-js starts no handler before, and waits for ever. Streams have limits of their own. */
  #waitForMessage(): void {
    this.#timer = setTimeout(() => {
      this.#isOver = true;
      // As grpc-js refuses a call whose deadline is up: it is told as those are.
      this.#call.sendStatus({ code: grpc.status.DEADLINE_EXCEEDED, details: "" });
    }, this.#messageLimitMs);
  }

  #refuse(error: unknown): void {
    this.#isOver = true;
    this.#call.sendStatus(toStatus(toConnectError(error)));
  }
}
