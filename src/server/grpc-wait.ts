import type * as grpc from "@grpc/grpc-js";
import type { Caller } from "../domain/caller.js";
import { toConnectError } from "../rpc/errors.js";
import { timeIsUp } from "../rpc/library-errors.js";
import { type CallObserver, tellRefusal, toUnhandledCall } from "./call-observer.js";
import { firstOf } from "./grpc-context.js";
import { toStatus } from "./grpc-status.js";
import { serviceNames } from "./services.js";

/** How long a call's only message is waited for, and who is told of calls where it does not come. */
export type MessageLimit = { readonly limitMs: number; readonly observer: CallObserver };

/** The wait for the message of one call. */
export type MessageWait = {
  readonly begin: (metadata: grpc.Metadata, caller: Caller) => void;
  /** Answers whether the message still counts. */
  readonly end: () => boolean;
};

/**
 * Ends a call whose only message does not come to its end in time: grpc-js starts no handler before,
 * and waits for ever. Streams have a limit in their handlers, which start at once.
 */
export function waitForMessage(
  { path, requestStream }: { readonly path: string; readonly requestStream: boolean },
  call: Pick<grpc.ServerInterceptingCall, "sendStatus">,
  { limitMs, observer }: MessageLimit,
): MessageWait {
  let timer: NodeJS.Timeout | undefined;
  let isLate = false;
  let isOver = false;
  const fail = (metadata: grpc.Metadata, caller: Caller, startedAtMs: number) => {
    isLate = true;
    const failure = toConnectError(timeIsUp());
    const rpc = path.slice(1);
    if (serviceNames.some((name) => rpc.startsWith(`${name}/`))) {
      // grpc-js does not pass the content-type on.
      const find = (name: string) =>
        name === "content-type" ? "application/grpc" : firstOf(metadata, name);
      const open = { ...toUnhandledCall(rpc, find, caller), startedAtMs };
      tellRefusal(observer, open, failure);
    }
    call.sendStatus(toStatus(failure));
  };
  return {
    begin: (metadata, caller) => {
      // Whom admission took long to let in may have gone.
      if (requestStream || isOver) return;
      const startedAtMs = performance.now();
      timer = setTimeout(() => fail(metadata, caller, startedAtMs), limitMs);
    },
    end: () => {
      isOver = true;
      clearTimeout(timer);
      return !isLate;
    },
  };
}
