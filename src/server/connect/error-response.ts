import type { ConnectError } from "@connectrpc/connect";
import type { UniversalServerResponse } from "@connectrpc/connect/protocol";
import {
  codeToHttpStatus,
  endStreamFlag,
  endStreamToJson,
  errorToJsonBytes,
} from "@connectrpc/connect/protocol-connect";
import { setTrailerStatus } from "@connectrpc/connect/protocol-grpc";
import { trailerFlag, trailerSerialize } from "@connectrpc/connect/protocol-grpc-web";

/** Returns the response, in the call's protocol, to a call that failed before Connect read it. */
export function toErrorResponse(
  requestHeader: Headers,
  error: ConnectError,
): UniversalServerResponse {
  const type = requestHeader.get("content-type") ?? "";
  const header = new Headers({ "content-type": type });
  if (type.startsWith("application/grpc-web")) {
    const trailer = setTrailerStatus(new Headers(), error);
    return { status: 200, header, body: toIterable(toTrailerFrame(trailer)) };
  }
  if (type.startsWith("application/grpc")) {
    const trailer = setTrailerStatus(new Headers(), error);
    return { status: 200, header, body: toIterable(), trailer };
  }
  if (type.startsWith("application/connect")) {
    return { status: 200, header, body: toIterable(toEndStreamFrame(new Headers(), error)) };
  }
  return {
    status: codeToHttpStatus(error.code),
    header: new Headers([...error.metadata, ["content-type", "application/json"]]),
    body: toIterable(errorToJsonBytes(error, undefined)),
  };
}

/** Returns the last frame of a Connect stream, with the error as JSON. */
export function toEndStreamFrame(metadata: Headers, error: ConnectError): Uint8Array {
  const json = JSON.stringify(endStreamToJson(metadata, error, undefined));
  return toFrame(endStreamFlag, Buffer.from(json));
}

/** Returns the last frame of a gRPC-Web response, with the trailers as text. */
export function toTrailerFrame(trailer: Headers): Uint8Array {
  return toFrame(trailerFlag, trailerSerialize(trailer));
}

export async function* toIterable(...chunks: Uint8Array[]): AsyncIterable<Uint8Array> {
  yield* chunks;
}

/** Returns a frame of a stream: a message or the end. */
export function toFrame(flag: number, data: Uint8Array): Uint8Array {
  return Buffer.concat([toPrefix(flag, data.length), data]);
}

/** Returns the bytes before the data of a frame. */
export function toPrefix(flag: number, length: number): Uint8Array {
  const prefix = Buffer.alloc(prefixLength);
  prefix[0] = flag;
  prefix.writeUInt32BE(length, 1);
  return prefix;
}

/** The bytes before each message of a stream: one for flags, four for the length. */
export const prefixLength = 5;
