import * as grpc from "@grpc/grpc-js";
import type { DomainError } from "../../domain/domain-error.js";
import {
  deadlineExceeded,
  malformed,
  messageTooLarge,
} from "../../rpc/errors/translate-connect-error.js";
import { isOurs, quote, unsupported } from "../connect/unknown-method.js";
import type { SentStatus } from "./status.js";

/** What has been received of a call, as far as it shows why the call cannot be served. */
export type ReceivedCall = {
  readonly method: { readonly path: string; readonly requestStream: boolean };
  readonly headers: RequestHeaders;
  /** Messages that were read: neither too large nor malformed. */
  readonly messages: number;
  /** Whether all messages have been read, and the end after them. */
  readonly isHalfClosed: boolean;
  readonly maxMessageBytes: number;
};

/** Headers that grpc-js removes before interceptors see any. */
export type RequestHeaders = {
  readonly isTimeoutMalformed: boolean;
  readonly encoding: string | undefined;
};

/**
 * Returns why grpc-js itself ends a call, by the code of its status and by what has been received:
 * its texts change from one release to the next. Undefined: it is not the caller's doing.
 */
export function explainLibraryStatus(
  { code }: SentStatus,
  { method, headers, isHalfClosed, maxMessageBytes }: ReceivedCall,
): DomainError | undefined {
  if (code === grpc.status.DEADLINE_EXCEEDED) return deadlineExceeded();
  // What grpc-js says when all has been read is about the answer, and so our fault.
  if (isHalfClosed) return undefined;
  const encoding = headers.encoding ?? "identity";
  if (code === grpc.status.RESOURCE_EXHAUSTED) return messageTooLarge(maxMessageBytes);
  if (code === grpc.status.UNIMPLEMENTED) return wrongEncoding(encoding);
  if (code !== grpc.status.INTERNAL) return undefined;
  if (encoding === "identity") return malformed("it is not the method's message");
  // Messages of our methods are read later, by us.
  return malformed(
    isOurs(method.path)
      ? "it cannot be decompressed"
      : "it cannot be decompressed, or is not the method's message",
  );
}

/** Returns why a handler of grpc-js, or our own for unary calls, rejects a call before it starts. */
export function explainHandlerStatus(
  { code }: SentStatus,
  { method, messages }: ReceivedCall,
): DomainError | undefined {
  return code === grpc.status.UNIMPLEMENTED && !method.requestStream && messages !== 1
    ? malformed("the method takes one message, neither none nor more")
    : undefined;
}

/** The error of a timeout that cannot be read. */
export function malformedTimeout(): DomainError {
  return malformed(
    "grpc-timeout is malformed; expected at most 8 digits and a unit: H, M, S, m, u or n",
  );
}

/** Health quotes whatever name it is asked for. Of what is too long for headers, nothing arrives. */
export function shorten(status: SentStatus): SentStatus {
  const { details = "" } = status;
  if (details.length <= longestDetails) return status;
  return { ...status, details: `${details.slice(0, longestDetails)}...` };
}

const longestDetails = 1000;

function wrongEncoding(encoding: string): DomainError {
  const expected = "expected identity, deflate or gzip";
  return unsupported(`grpc-encoding ${quote(encoding)} is not supported; ${expected}`);
}
