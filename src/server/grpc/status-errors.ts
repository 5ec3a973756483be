import * as grpc from "@grpc/grpc-js";
import type { DomainError } from "../../domain/domain-error.js";
import {
  deadlineExceeded,
  malformed,
  messageTooLarge,
} from "../../rpc/errors/translate-connect-error.js";
import { isKnownMethod, quote, unsupported } from "../connect/unknown-method.js";
import type { SentStatus } from "./status.js";

/** The state of a received call, from which the cause of an error is derived. */
export type ReceivedCall = {
  readonly method: { readonly path: string; readonly requestStream: boolean };
  readonly headers: RequestHeaders;
  /** Counts the messages that were read: neither too large nor malformed. */
  readonly messageCount: number;
  /** True after all messages and the end of the request have been read. */
  readonly isHalfClosed: boolean;
  readonly maxMessageBytes: number;
};

/** Headers that grpc-js removes before interceptors run. */
export type RequestHeaders = {
  readonly isTimeoutMalformed: boolean;
  readonly encoding: string | undefined;
};

/**
 * Returns why grpc-js itself ends a call, or undefined if the client did not cause it. Uses the
 * status code and what has been received, because grpc-js's messages change between releases.
 */
export function explainLibraryStatus(
  { code }: SentStatus,
  { method, headers, isHalfClosed, maxMessageBytes }: ReceivedCall,
): DomainError | undefined {
  if (code === grpc.status.DEADLINE_EXCEEDED) return deadlineExceeded();
  // After the whole request has been read, the error is about the response, so it is our fault.
  if (isHalfClosed) return undefined;
  const encoding = headers.encoding ?? "identity";
  if (code === grpc.status.RESOURCE_EXHAUSTED) return messageTooLarge(maxMessageBytes);
  if (code === grpc.status.UNIMPLEMENTED) return wrongEncoding(encoding);
  if (code !== grpc.status.INTERNAL) return undefined;
  if (encoding === "identity") return malformed("it is not the method's message");
  // Our own code parses the messages of our methods, later.
  return malformed(
    isKnownMethod(method.path)
      ? "it cannot be decompressed"
      : "it cannot be decompressed, or is not the method's message",
  );
}

/**
 * Returns the error of a call that has no message or several although its method takes one. Both
 * grpc-js's handlers and our unary calls reject it before the handler starts. Returns undefined for
 * any other status.
 */
export function explainHandlerStatus(
  { code }: SentStatus,
  { method, messageCount }: ReceivedCall,
): DomainError | undefined {
  return code === grpc.status.UNIMPLEMENTED && !method.requestStream && messageCount !== 1
    ? malformed("the method takes one message, neither none nor more")
    : undefined;
}

/** Returns the error of a malformed timeout. */
export function malformedTimeout(): DomainError {
  return malformed(
    "grpc-timeout is malformed; expected at most 8 digits and a unit: H, M, S, m, u or n",
  );
}

/**
 * Shortens the details of a status. The health service quotes any name that a client sends, and
 * clients receive nothing if the details are too long for headers.
 */
export function shorten(status: SentStatus): SentStatus {
  const { details = "" } = status;
  if (details.length <= maxDetailsLength) return status;
  return { ...status, details: `${details.slice(0, maxDetailsLength)}...` };
}

const maxDetailsLength = 1000;

function wrongEncoding(encoding: string): DomainError {
  const expected = "expected identity, deflate or gzip";
  return unsupported(`grpc-encoding ${quote(encoding)} is not supported; ${expected}`);
}
