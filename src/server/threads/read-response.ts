import type { MessagePort } from "node:worker_threads";
import { Code, ConnectError } from "@connectrpc/connect";
import type { UniversalServerResponse } from "@connectrpc/connect/protocol";
import { attempt } from "../../logging/contained.js";
import type { HeaderEntries, ThreadResponse, ToThread } from "./thread-messages.js";

/**
 * Tells the thread when the call is aborted, until the answered function is called. `onRefusal` is
 * told when it is because of a refusal of ours, whose details the thread would not get.
 */
export function passOnAbort(
  signal: AbortSignal,
  port: MessagePort,
  onRefusal: (refusal: ConnectError) => void,
): () => void {
  const passOn = () => {
    const reason = ConnectError.from(signal.reason, Code.Canceled);
    // The thread has to hear of it, whatever becomes of the record.
    if (reason.details.length > 0) attempt(() => onRefusal(reason));
    const { code, rawMessage } = reason;
    port.postMessage({ type: "abort", code, message: rawMessage } satisfies ToThread);
  };
  if (signal.aborted) passOn();
  else signal.addEventListener("abort", passOn, { once: true });
  return () => signal.removeEventListener("abort", passOn);
}

/** The answer of a thread as one of Connect's, whose body fails when the thread is lost. */
export function toResponse(
  { status, header, body }: ThreadResponse,
  trailers: Promise<HeaderEntries>,
  lost: Promise<never>,
): UniversalServerResponse {
  const trailer = new Headers();
  return {
    status,
    header: new Headers(header as [string, string][]),
    body: readBody(body, trailers, trailer, lost),
    trailer,
  };
}

/** The chunks of a body; after the last one `trailer` is complete. */
async function* readBody(
  body: ReadableStream<Uint8Array>,
  trailers: Promise<HeaderEntries>,
  trailer: Headers,
  lost: Promise<never>,
): AsyncGenerator<Uint8Array> {
  const reader = body.getReader();
  let isRead = false;
  try {
    for (;;) {
      const { done, value } = await Promise.race([reader.read(), lost]);
      if (done) break;
      yield value;
    }
    isRead = true;
    for (const [name, value] of await trailers) trailer.append(name, value);
  } finally {
    // Whoever stops reading has the thread stop writing.
    if (!isRead) void reader.cancel().catch(() => undefined);
  }
}
