import { Code, type ConnectError } from "@connectrpc/connect";
import { DomainError } from "../../domain/domain-error.js";

/**
 * Translates an error that Connect throws before or while a handler runs to a DomainError. Such
 * errors have no details, and malformed messages have the code INTERNAL although the client caused
 * them. Returns undefined for an error with details, which is our own, and for any other error.
 */
export function translateConnectError({
  code,
  rawMessage,
  details,
}: ConnectError): DomainError | undefined {
  if (details.length > 0) return undefined;
  const tooLarge = largerThan.exec(rawMessage);
  if (tooLarge?.[1] !== undefined) return messageTooLarge(Number(tooLarge[1]));
  if (/^unknown compression/.test(rawMessage)) return new DomainError("UNSUPPORTED", rawMessage);
  if (code === Code.InvalidArgument || clientErrors.test(rawMessage)) return malformed(rawMessage);
  if (code === Code.DeadlineExceeded) return deadlineExceeded();
  if (code === Code.Canceled || code === Code.Aborted) {
    return new DomainError("CANCELLED", "the caller has gone");
  }
  return undefined;
}

/** Returns the error for a message that cannot be parsed. `problem` is a library's message. */
export function malformed(problem: string): DomainError {
  const text = problem.replace(/^parse binary: /, "");
  const cut = text.length <= 300 ? text : `${text.slice(0, 297)}...`;
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

const largerThan = /^message (?:size )?(?:\d+ )?is larger than configured readMaxBytes (\d+)/;
const clientErrors =
  /^(?:parse binary|protocol error|decompression failed|received compressed envelope|unexpected end flag)/;
