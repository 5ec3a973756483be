import { Code, type ConnectError } from "@connectrpc/connect";
import { DomainError } from "../../domain/domain-error.js";
import { isStreamReset } from "../../library-internals/matched-texts.js";

/**
 * Translates an error that Connect throws to a DomainError, by its code. Such errors have no details.
 * Returns undefined for an error with details, which is our own, and for any other error.
 */
export function translateConnectError(error: ConnectError): DomainError | undefined {
  const { code, details } = error;
  if (details.length > 0) return undefined;
  if (code === Code.DeadlineExceeded) return deadlineExceeded();
  if (code === Code.Canceled || code === Code.Aborted || isStreamReset(error)) {
    return new DomainError("CANCELLED", "the caller has gone");
  }
  return undefined;
}

/**
 * Translates an error of Connect while it reads a request. It is then the client that caused it,
 * although malformed messages have the code INTERNAL.
 */
export function translateReadError(
  error: ConnectError,
  maxMessageBytes: number,
): DomainError | undefined {
  const { code, rawMessage, details } = error;
  if (details.length > 0) return undefined;
  if (isStreamReset(error)) return translateConnectError(error);
  if (code === Code.ResourceExhausted) return messageTooLarge(maxMessageBytes);
  if (code === Code.Unimplemented) return new DomainError("UNSUPPORTED", rawMessage);
  if (code === Code.InvalidArgument || code === Code.Internal) {
    // The prefix says how Connect reads, and the other listener has none. Only what is shown depends on it.
    return malformed(rawMessage.replace(/^parse binary: /, ""));
  }
  return translateConnectError(error);
}

/** Returns the error for a message that cannot be parsed. `problem` is a library's message. */
export function malformed(problem: string): DomainError {
  const cut = problem.length <= 300 ? problem : `${problem.slice(0, 297)}...`;
  return new DomainError("MALFORMED_REQUEST", `the request cannot be read: ${cut}`);
}

/** Returns the error for a call whose deadline a library has found exceeded. */
export function deadlineExceeded(): DomainError {
  return new DomainError("DEADLINE_EXCEEDED", "the call's time is up");
}

/** Returns the error for a message of more than `maxBytes`. */
export function messageTooLarge(maxBytes: number): DomainError {
  return new DomainError(
    "MESSAGE_TOO_LARGE",
    `a message is larger than allowed: at most ${maxBytes} bytes (MAX_MESSAGE_BYTES), decompressed`,
    { metadata: { max_message_bytes: String(maxBytes) } },
  );
}
