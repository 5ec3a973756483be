import type { MessagePort } from "node:worker_threads";
import type { ConnectError } from "@connectrpc/connect";
import type { UniversalServerResponse } from "@connectrpc/connect/protocol";
import { DomainError } from "../../domain/domain-error.js";
import { toConnectError } from "../../rpc/errors/to-connect-error.js";
import type { FromThread } from "./thread-messages.js";

/**
 * Sends an answer, and waits until the other side has taken all of its body, or wants no more. What
 * is not taken when it is cut off never will be: of a socket that closes, nobody may hear.
 *
 * @returns whether it was not cut off.
 */
export async function send(
  port: MessagePort,
  answer: UniversalServerResponse,
  cutOff: AbortSignal,
): Promise<boolean> {
  const chunks = answer.body?.[Symbol.asyncIterator]();
  // Handlers may set headers until they give their first answer.
  const first = await chunks?.next();
  return new Promise((resolve) => {
    const rest = continueFrom(first, chunks, () => resolve(true));
    const body = ReadableStream.from(rest);
    tell(
      port,
      { type: "answer", status: answer.status, header: [...(answer.header ?? [])], body },
      body,
    );
    const stop = () => {
      resolve(false);
      rest.throw(notTaken()).catch(() => undefined);
    };
    if (cutOff.aborted) stop();
    else cutOff.addEventListener("abort", stop);
  });
}

/** The refusal of a caller that has not taken its answer in time. */
export function notTaken(): ConnectError {
  const message = "the answer was not taken in time; start over";
  return toConnectError(new DomainError("DEADLINE_EXCEEDED", message));
}

/** Tells the thread that has passed the call on. */
export function tell(
  port: MessagePort | undefined,
  message: FromThread,
  transfer?: ReadableStream,
): void {
  port?.postMessage(message, transfer === undefined ? [] : [transfer as never]);
}

async function* continueFrom<T>(
  first: IteratorResult<T> | undefined,
  rest: AsyncIterator<T> | undefined,
  whenDone: () => void,
): AsyncGenerator<T> {
  try {
    for (let next = first; next !== undefined && !next.done; next = await rest?.next()) {
      yield next.value;
    }
  } finally {
    await rest?.return?.();
    whenDone();
  }
}
