import type { UniversalServerResponse } from "@connectrpc/connect/protocol";

/**
 * Connect answers INTERNAL when a binary message cannot be parsed, and offers no place to say
 * otherwise. It is the caller's mistake: this turns the answer into INVALID_ARGUMENT, the code that
 * the same bytes get through the gRPC door. Only Connect itself writes such a message.
 */
export async function blameTheCaller(
  response: UniversalServerResponse,
): Promise<UniversalServerResponse> {
  const { status, body } = response;
  if (status === 500 && body && Symbol.asyncIterator in body) return mendError(response, body);
  const isGrpcWeb = response.header?.get("content-type")?.startsWith("application/grpc-web");
  if (isGrpcWeb && body && Symbol.asyncIterator in body) {
    return { ...response, body: mendTrailers(body) };
  }
  return response;
}

/** Connect: the whole body is the error, as JSON. */
async function mendError(
  response: UniversalServerResponse,
  body: AsyncIterable<Uint8Array>,
): Promise<UniversalServerResponse> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  const text = Buffer.concat(chunks).toString();
  if (!text.startsWith('{"code":"internal","message":"parse binary: ')) {
    return { ...response, body: toIterable(Buffer.from(text)) };
  }
  const mended = Buffer.from(text.replace('"internal"', '"invalid_argument"'));
  response.header?.set("content-length", String(mended.length));
  return { ...response, status: 400, body: toIterable(mended) };
}

/** gRPC-Web: the last frame, marked by its first bit, holds the trailers as text. */
async function* mendTrailers(body: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  for await (const chunk of body) {
    yield chunk[0] === trailerFlag ? mendTrailerFrame(Buffer.from(chunk)) : chunk;
  }
}

function mendTrailerFrame(frame: Buffer): Buffer {
  const text = frame.subarray(5).toString("latin1");
  if (!/^grpc-message: parse(?:%20| )binary(?:%3A|:)/m.test(text)) return frame;
  const mended = Buffer.from(text.replace(/^grpc-status: 13/m, "grpc-status: 3"), "latin1");
  const prefix = Buffer.alloc(5, trailerFlag);
  prefix.writeUInt32BE(mended.length, 1);
  return Buffer.concat([prefix, mended]);
}

async function* toIterable(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield bytes;
}

const trailerFlag = 0x80;
