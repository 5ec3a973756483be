import { Code, type ConnectError } from "@connectrpc/connect";
import { DomainError } from "../../domain/domain-error.js";

/**
 * What Connect refuses before, or while, a handler runs, in our terms. It gives no details, and the
 * code INTERNAL to messages that cannot be read, although that is the caller's fault. Undefined: an
 * error with details, which is ours, or one that says nothing of the call.
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
  if (code === Code.InvalidArgument || callersFault.test(rawMessage)) return malformed(rawMessage);
  if (code === Code.DeadlineExceeded) {
    return timeIsUp();
  }
  if (code === Code.Canceled || code === Code.Aborted) {
    return new DomainError("CANCELLED", "the caller has gone");
  }
  return undefined;
}

/** The refusal of a message that is not what it should be. `problem` comes from a library. */
export function malformed(problem: string): DomainError {
  const shown = problem.replace(/^parse binary: /, "");
  const cut = shown.length <= 300 ? shown : `${shown.slice(0, 297)}...`;
  return new DomainError("MALFORMED_REQUEST", `the request cannot be read: ${cut}`);
}

/** The refusal of a call whose time a library has measured. */
export function timeIsUp(): DomainError {
  return new DomainError("DEADLINE_EXCEEDED", "the call's time is up");
}

/** The refusal of a message that has more bytes than `maxBytes`. */
export function messageTooLarge(maxBytes: number): DomainError {
  return new DomainError(
    "MESSAGE_TOO_LARGE",
    `a message is larger than allowed: at most ${maxBytes} bytes (MAX_MESSAGE_BYTES), decompressed`,
    { metadata: { max_message_bytes: String(maxBytes) } },
  );
}

const largerThan = /^message (?:size )?(?:\d+ )?is larger than configured readMaxBytes (\d+)/;
const callersFault =
  /^(?:parse binary|protocol error|decompression failed|received compressed envelope|unexpected end flag)/;
