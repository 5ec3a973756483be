import * as grpc from "@grpc/grpc-js";
import { DomainError } from "../domain/errors.js";
import { toConnectError } from "../rpc/errors.js";
import { malformed, messageTooLarge, timeIsUp } from "../rpc/library-errors.js";
import { toStatus } from "./grpc-status.js";

/**
 * Puts what grpc-js itself refuses into our terms: it gives no details, and the code INTERNAL to calls
 * that cannot be read, although that is the caller's fault. What has details is ours.
 *
 * It sends those refusals past all interceptors, by a method of the call; so this replaces the method.
 */
export const explainRefusals: grpc.ServerInterceptor = (_, call) => {
  const send = call.sendStatus;
  call.sendStatus = (status) => send.call(call, isOurs(status) ? status : explain(status));
  return call as grpc.ServerInterceptingCall;
};

type SentStatus = Parameters<grpc.ServerInterceptingCall["sendStatus"]>[0];

function isOurs({ code, metadata }: SentStatus): boolean {
  return code === grpc.status.OK || (metadata?.get("grpc-status-details-bin").length ?? 0) > 0;
}

function explain(status: SentStatus): SentStatus {
  const refusal = toRefusal(status.code ?? grpc.status.UNKNOWN, status.details ?? "");
  return refusal === undefined ? shorten(status) : toStatus(toConnectError(refusal));
}

/** Health quotes whatever name it is asked for. Of what is too long for headers, nothing arrives. */
function shorten(status: SentStatus): SentStatus {
  const { details = "" } = status;
  if (details.length <= longestDetails) return status;
  return { ...status, details: `${details.slice(0, longestDetails)}...` };
}

const longestDetails = 1000;

function toRefusal(code: grpc.status, details: string): DomainError | undefined {
  const tooLarge = /^Received message .*(?: vs | larger than )(\d+)\)?$/.exec(details);
  if (tooLarge?.[1] !== undefined) return messageTooLarge(tooLarge[1]);
  if (details.startsWith("Invalid grpc-timeout")) return malformed("grpc-timeout is malformed");
  if (details === "Failed to decompress message") return malformed("it cannot be decompressed");
  if (details === "Error deserializing request") return malformed("it is not the method's message");
  if (details.startsWith("Received message compressed with unsupported encoding")) {
    return new DomainError("UNSUPPORTED", details);
  }
  if (/^Received (?:no|a second) request message/.test(details)) {
    return malformed("the method takes one message, neither none nor more");
  }
  return code === grpc.status.DEADLINE_EXCEEDED ? timeIsUp() : undefined;
}
