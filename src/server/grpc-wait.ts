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

/** A call that was let in, and whose message is waited for. */
export type WaitingCall = {
  readonly path: string;
  readonly metadata: grpc.Metadata;
  readonly caller: Caller;
  readonly startedAtMs: number;
};

/**
 * The refusal of a call whose only message has not come to its end in time: grpc-js starts no handler
 * before, and waits for ever. Streams have a limit in their handlers, which start at once.
 */
export function messageLate(
  { path, metadata, caller, startedAtMs }: WaitingCall,
  observer: CallObserver,
): grpc.StatusObject {
  const failure = toConnectError(timeIsUp());
  const rpc = path.slice(1);
  if (serviceNames.some((name) => rpc.startsWith(`${name}/`))) {
    // grpc-js does not pass the content-type on.
    const find = (name: string) =>
      name === "content-type" ? "application/grpc" : firstOf(metadata, name);
    tellRefusal(observer, { ...toUnhandledCall(rpc, find, caller), startedAtMs }, failure);
  }
  return toStatus(failure);
}
