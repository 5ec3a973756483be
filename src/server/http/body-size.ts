import type { IncomingMessage } from "node:http";
import { ConnectError } from "@connectrpc/connect";

/** A request's body, and whether the message in it may be larger than `limitBytes`. */
export type WeighedBody = {
  readonly mayBeLarge: boolean;
  readonly body: AsyncIterable<Uint8Array>;
};

/** A message is not larger than its body, unless it is compressed. Reads what does not say its size. */
export async function weigh(
  { method, url, headers }: IncomingMessage,
  body: AsyncIterable<Uint8Array>,
  limitBytes: number,
): Promise<WeighedBody> {
  const isCompressed =
    compressionHeaders.some((name) => (headers[name] ?? "identity") !== "identity") ||
    (method === "GET" && url?.includes("compression="));
  if (isCompressed) return { mayBeLarge: true, body };
  const length = headers["content-length"];
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
    // Why a call ends before its message does is told by whoever reads it.
    if (error instanceof ConnectError) return { mayBeLarge: false, body: failWith(error) };
    throw error;
  }
  return { mayBeLarge: bytes > limitBytes, body: concatenate(start, rest) };
}

// biome-ignore lint/correctness/useYield: it is read as any body is.
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
    // Whoever stops at the start does not want the rest.
    await rest.return?.();
  }
}

const compressionHeaders = ["content-encoding", "connect-content-encoding", "grpc-encoding"];
