import * as grpc from "@grpc/grpc-js";
import type { Caller } from "../domain/caller.js";
import { toConnectError } from "../rpc/errors.js";
import type { Admission } from "./auth/admission.js";
import { firstOf } from "./grpc-context.js";
import type { CallOfCaller } from "./grpc-refusals.js";
import { toStatus } from "./grpc-status.js";
import { type MessageLimit, waitForMessage } from "./grpc-wait.js";

/** What grpc-js calls a call's auth context, with who was let in. */
export type AdmittedContext = ReturnType<grpc.ServerInterceptingCall["getAuthContext"]> & {
  readonly caller?: Caller | undefined;
};

/**
 * Asks for admission when a call's headers have come, before any message is read, whatever the
 * service: reflection and health as well. From then on the message has to come in time.
 */
export function admitCalls({ admit }: Admission, limit: MessageLimit): grpc.ServerInterceptor {
  return (method, nextCall) => {
    const { path } = method;
    const wait = waitForMessage(method, nextCall, limit);
    let caller: Caller | undefined;
    const refuse = (error: unknown) => nextCall.sendStatus(toStatus(toConnectError(error)));
    const listener: Partial<grpc.ServerListener> = {
      onReceiveMetadata: (metadata, next) => {
        const letIn = (admitted: Caller) => {
          caller = admitted;
          // For what grpc-js refuses below.
          (nextCall as CallOfCaller).caller = admitted;
          wait.begin(metadata, admitted);
          next(metadata);
        };
        try {
          const admitted = admit(path, (name) => firstOf(metadata, name));
          if (admitted instanceof Promise) admitted.then(letIn).catch(refuse);
          else letIn(admitted);
        } catch (error) {
          refuse(error);
        }
      },
      onReceiveHalfClose: (next) => {
        if (wait.end()) next();
      },
      onCancel: wait.end,
    };
    return new AdmittedCall(nextCall, listener, () => caller);
  };
}

class AdmittedCall extends grpc.ServerInterceptingCall {
  readonly #caller: () => Caller | undefined;

  constructor(
    call: grpc.ServerInterceptingCallInterface,
    listener: Partial<grpc.ServerListener>,
    caller: () => Caller | undefined,
  ) {
    super(call, { start: (next) => next(listener) });
    this.#caller = caller;
  }

  override getAuthContext(): AdmittedContext {
    // Not the certificate as well, which takes longer than most calls.
    return { caller: this.#caller() };
  }
}
