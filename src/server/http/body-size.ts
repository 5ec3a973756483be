import type { IncomingMessage } from "node:http";
import { ConnectError } from "@connectrpc/connect";
import { mayBeCompressed } from "../connect/compression.js";
import { compressions } from "../connect/connect-options.js";

/** A request's body, and whether its message may be larger than the limit. */
export type SizedBody = {
  readonly mayBeLarge: boolean;
  readonly body: AsyncIterable<Uint8Array>;
};

/**
 * Checks whether a request's message may be larger than `limitBytes`. A message is at most as large
 * as its body, unless it is compressed. Without a Content-Length, reads the body up to the limit.
 */
export async function checkBodySize(
  { method, url = "", headers }: IncomingMessage,
  body: AsyncIterable<Uint8Array>,
  limitBytes: number,
): Promise<SizedBody> {
  if (mayBeCompressed(url, (name) => headers[name])) return { mayBeLarge: true, body };
  // The message of a GET request is in its URL.
  const length = method === "GET" ? 0 : headers["content-length"];
  if (length !== undefined) return { mayBeLarge: Number(length) > limitBytes, body };

  const rest = body[Symbol.asyncIterator]();
  const start: Uint8Array[] = [];
  let bytes = 0;
  try {
    for (let next = await rest.next(); !next.done; next = await rest.next()) {
      start.push(next.value);
      bytes += next.value.length;
      if (bytes > limitBytes) break;
    }
  } catch (error) {
    // The reader of the body reports why the call ended before its message.
    if (error instanceof ConnectError) return { mayBeLarge: false, body: failWith(error) };
    throw error;
  }
  return { mayBeLarge: bytes > limitBytes, body: concatenate(start, rest) };
}

/**
 * Returns whether Connect rejects a request without reading its body: its message is larger than
 * `maxMessageBytes`, or has an unsupported compression.
 */
export function isRejectedUnread({ headers }: IncomingMessage, maxMessageBytes: number): boolean {
  if (!messageType.test(headers["content-type"] ?? "")) return false;
  const isTooLarge = Number(headers["content-length"] ?? 0) > maxMessageBytes;
  return isTooLarge || !encodings.has(headers["content-encoding"] ?? "identity");
}

const encodings: ReadonlySet<string> = new Set(["identity", ...compressions.map((c) => c.name)]);

/** The content types whose body is one message, without frames. */
const messageType = /^application\/(?:json|proto)(?:;|$)/;

// biome-ignore lint/correctness/useYield: a body is an async iterable.
async function* failWith(error: ConnectError): AsyncGenerator<Uint8Array> {
  throw error;
}

async function* concatenate(
  start: readonly Uint8Array[],
  rest: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  try {
    yield* start;
    yield* { [Symbol.asyncIterator]: () => rest };
  } finally {
    // A reader that stops early does not need the rest.
    await rest.return?.();
  }
}
