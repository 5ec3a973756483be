import * as grpc from "@grpc/grpc-js";
import type { Caller } from "../../domain/caller.js";
import type { DomainError } from "../../domain/domain-error.js";
import { toConnectError } from "../../rpc/errors/to-connect-error.js";
import {
  deadlineExceeded,
  malformed,
  messageTooLarge,
} from "../../rpc/errors/translate-connect-error.js";
import {
  type CallLog,
  type OpenCall,
  recordRejectedCall,
  toUnhandledCall,
} from "../calls/call-log.js";
import { isOurs, quote, unsupported } from "../connect/unknown-method.js";
import { abortHandler } from "./handler-context.js";
import { firstOf } from "./metadata.js";
import { type SentStatus, toStatus } from "./status.js";

/**
 * Puts what grpc-js itself refuses into our terms, counts it and logs it: it gives no details, and the
 * code INTERNAL to calls that cannot be read, although that is the caller's fault. What has details is
 * ours, and has been told.
 *
 * It sends those refusals past all interceptors, by a method of the call; so this replaces the method.
 */
export function createErrorInterceptor(observer: CallLog): grpc.ServerInterceptor {
  return (method, call) => {
    const startedAtMs = performance.now();
    const send = call.sendStatus;
    let isEnded = false;
    call.sendStatus = (status) => {
      const isFirst = !isEnded;
      isEnded = true;
      if (hasOurDetails(status)) return send.call(call, status);
      const refusal = toDomainError(status);
      if (refusal === undefined) return send.call(call, shorten(status));
      const failure = toConnectError(refusal);
      if (isFirst && isOurs(method.path)) {
        const internals = call as unknown as GrpcInternals;
        // A handler hears why its call ends, and tells.
        if (hasHandler(internals, method, status)) abortHandler(internals.metadata, failure);
        else recordRejectedCall(observer, toOpenCall(internals, method, startedAtMs), failure);
      }
      send.call(call, toStatus(failure));
    };
    return call as grpc.ServerInterceptingCall;
  };
}

/** A call of grpc-js, and whom the door has let in with it. */
export type CallOfCaller = { caller?: Caller | undefined };

/** A method as interceptors are told of it. */
export type Method = Parameters<grpc.ServerInterceptor>[0];

/** What grpc-js keeps to itself of a call. Tests hold it. */
type GrpcInternals = CallOfCaller & {
  readonly metadata: grpc.Metadata;
  readonly receivedHalfClose: boolean;
  readonly readQueue: readonly unknown[];
};

function hasOurDetails({ code, metadata }: SentStatus): boolean {
  return code === grpc.status.OK || (metadata?.get("grpc-status-details-bin").length ?? 0) > 0;
}

/** Whether a handler has begun: of streams when the caller is let in, else when all has been read. */
function hasHandler(
  { caller, receivedHalfClose, readQueue }: GrpcInternals,
  { requestStream }: Method,
  { details }: SentStatus,
): boolean {
  if (caller === undefined || notOneMessage.test(details ?? "")) return false;
  return requestStream || (receivedHalfClose && readQueue.length === 0);
}

/** grpc-js does not pass the content-type on. */
function toOpenCall(
  { metadata, caller }: GrpcInternals,
  { path }: Method,
  startedAtMs: number,
): OpenCall {
  const find = (name: string) =>
    name === "content-type" ? "application/grpc" : firstOf(metadata, name);
  return { ...toUnhandledCall(path.slice(1), find, caller), startedAtMs };
}

/** Health quotes whatever name it is asked for. Of what is too long for headers, nothing arrives. */
function shorten(status: SentStatus): SentStatus {
  const { details = "" } = status;
  if (details.length <= longestDetails) return status;
  return { ...status, details: `${details.slice(0, longestDetails)}...` };
}

const longestDetails = 1000;

function toDomainError({ code, details }: SentStatus): DomainError | undefined {
  const problem = details ?? "";
  const tooLarge = /^Received message .*(?: vs | larger than )(\d+)\)?$/.exec(problem);
  if (tooLarge?.[1] !== undefined) return messageTooLarge(tooLarge[1]);
  if (problem.startsWith("Invalid grpc-timeout")) return malformed(notATimeout);
  if (problem === "Failed to decompress message") return malformed("it cannot be decompressed");
  if (problem === "Error deserializing request") return malformed("it is not the method's message");
  const encoding = /^Received message compressed with unsupported encoding "(.*)"$/.exec(problem);
  if (encoding?.[1] !== undefined) return wrongEncoding(encoding[1]);
  if (notOneMessage.test(problem)) {
    return malformed("the method takes one message, neither none nor more");
  }
  return code === grpc.status.DEADLINE_EXCEEDED ? deadlineExceeded() : undefined;
}

function wrongEncoding(encoding: string): DomainError {
  const expected = "expected identity, deflate or gzip";
  return unsupported(`grpc-encoding ${quote(encoding)} is not supported; ${expected}`);
}

const notATimeout =
  "grpc-timeout is malformed; expected at most 8 digits and a unit: H, M, S, m, u or n";
const notOneMessage = /^Received (?:no|a second) request message/;
