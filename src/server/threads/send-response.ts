import type { MessagePort } from "node:worker_threads";
import type { ConnectError } from "@connectrpc/connect";
import type { UniversalServerResponse } from "@connectrpc/connect/protocol";
import { DomainError } from "../../domain/domain-error.js";
import { toConnectError } from "../../rpc/errors/to-connect-error.js";
import { type CallPlace, startWait, type Wait } from "../calls/call-places.js";
import type { FromThread } from "./thread-messages.js";

/**
 * Sends a response, and waits until the main thread has read its whole body or has cancelled it.
 * Stops waiting when `cutOff` aborts: the main thread may never learn that a socket has closed.
 *
 * @returns false if `cutOff` aborted first.
 */
export async function sendResponse(
  port: MessagePort,
  response: UniversalServerResponse,
  place: CallPlace,
  cutOff: AbortSignal,
): Promise<boolean> {
  const chunks = response.body?.[Symbol.asyncIterator]();
  // Handlers may set headers until their first response message.
  const first = await chunks?.next();
  return new Promise((resolve) => {
    const rest = continueFrom(first, chunks, place, () => resolve(true));
    const body = ReadableStream.from(rest);
    const { status, header = [] } = response;
    postToMainThread(port, { type: "response", status, header: [...header], body }, body);
    const stop = () => {
      resolve(false);
      rest.throw(responseNotRead()).catch(() => undefined);
    };
    if (cutOff.aborted) stop();
    else cutOff.addEventListener("abort", stop);
  });
}

/** Returns the error for a client that has not read its response in time. */
export function responseNotRead(): ConnectError {
  const message = "the answer was not taken in time; start over";
  return toConnectError(new DomainError("DEADLINE_EXCEEDED", message));
}

/** Sends a message to the main thread, which has offloaded the call. */
export function postToMainThread(
  port: MessagePort | undefined,
  message: FromThread,
  transfer?: ReadableStream,
): void {
  port?.postMessage(message, transfer === undefined ? [] : [transfer as never]);
}

async function* continueFrom<T>(
  first: IteratorResult<T> | undefined,
  rest: AsyncIterator<T> | undefined,
  place: CallPlace,
  onEnd: () => void,
): AsyncGenerator<T> {
  let wait: Wait | undefined;
  try {
    for (let next = first; next !== undefined && !next.done; next = await rest?.next()) {
      wait = startWait(place);
      yield next.value;
      await wait.end();
    }
  } finally {
    // The client may have stopped reading.
    wait?.cancel();
    await rest?.return?.();
    onEnd();
  }
}
