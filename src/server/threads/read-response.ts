import type { MessagePort } from "node:worker_threads";
import { Code, ConnectError } from "@connectrpc/connect";
import type { UniversalServerResponse } from "@connectrpc/connect/protocol";
import { attempt } from "../../logging/contained.js";
import type { MemoryBudget } from "./memory-budget.js";
import type { HeaderEntries, ThreadResponse, ToThread } from "./thread-messages.js";

/**
 * Passes an abort of the call on to its thread, until the returned function is called. Calls
 * `onDetailedError` if the reason is an error of this service: the thread does not receive its
 * details.
 */
export function passOnAbort(
  signal: AbortSignal,
  port: MessagePort,
  onDetailedError: (error: ConnectError) => void,
): () => void {
  const passOn = () => {
    const reason = ConnectError.from(signal.reason, Code.Canceled);
    // The thread must receive the abort even if recording the error fails.
    if (reason.details.length > 0) attempt(() => onDetailedError(reason));
    const { code, rawMessage } = reason;
    port.postMessage({ type: "abort", code, message: rawMessage } satisfies ToThread);
  };
  if (signal.aborted) passOn();
  else signal.addEventListener("abort", passOn, { once: true });
  return () => signal.removeEventListener("abort", passOn);
}

/** Converts a thread's response to Connect's. Its body fails when the thread is lost. */
export function toResponse(
  { status, header, body }: ThreadResponse,
  trailers: Promise<HeaderEntries>,
  lost: Promise<never>,
  { holdResponse }: Pick<MemoryBudget, "holdResponse">,
): UniversalServerResponse {
  const trailer = new Headers();
  return {
    status,
    header: new Headers(header as [string, string][]),
    body: readBody(body, trailers, trailer, lost, holdResponse),
    trailer,
  };
}

/** Yields the chunks of a body. Fills `trailer` after the last one. */
async function* readBody(
  body: ReadableStream<Uint8Array>,
  trailers: Promise<HeaderEntries>,
  trailer: Headers,
  lost: Promise<never>,
  holdResponse: MemoryBudget["holdResponse"],
): AsyncGenerator<Uint8Array> {
  const reader = body.getReader();
  let isRead = false;
  try {
    for (;;) {
      const { done, value } = await Promise.race([reader.read(), lost]);
      if (done) break;
      const releaseChunk = holdResponse(value.length);
      try {
        yield value;
      } finally {
        releaseChunk();
      }
    }
    isRead = true;
    for (const [name, value] of await trailers) trailer.append(name, value);
  } finally {
    // A consumer that stops reading makes the thread stop writing.
    if (!isRead) void reader.cancel().catch(() => undefined);
  }
}
