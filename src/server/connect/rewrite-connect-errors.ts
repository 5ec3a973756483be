import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { ConnectError, createContextKey } from "@connectrpc/connect";
import type {
  UniversalHandler,
  UniversalServerRequest,
  UniversalServerResponse,
} from "@connectrpc/connect/protocol";
import {
  codeToHttpStatus,
  endStreamFlag,
  endStreamFromJson,
  errorFromJsonBytes,
  errorToJsonBytes,
} from "@connectrpc/connect/protocol-connect";
import { findTrailerError, setTrailerStatus } from "@connectrpc/connect/protocol-grpc";
import { trailerFlag, trailerParse } from "@connectrpc/connect/protocol-grpc-web";
import { mapAsync } from "../../async/map-async.js";
import { toConnectError } from "../../rpc/errors/to-connect-error.js";
import {
  malformed,
  translateConnectError,
  translateReadError,
} from "../../rpc/errors/translate-connect-error.js";
import { checkJsonDates } from "./check-json-dates.js";
import {
  prefixLength,
  toEndStreamFrame,
  toErrorAnswer,
  toFrame,
  toIterable,
  toTrailerFrame,
} from "./error-response.js";

/** Is told of a refusal before it is sent, and may add to its metadata. */
export type OnError = (failure: ConnectError) => void;

/** Returns the error in our terms; undefined: it stays as it is. */
type Rewrite = (error: ConnectError) => ConnectError | undefined;

/** Set in the values of a call when its handler starts. */
export const handlerStarted = createContextKey(false);

/**
 * Has Connect answer, in our terms. It quotes what is wrong with JSON, and where messages have to be
 * percent-encoded, half a character (a lone surrogate) cannot be: it would answer nothing at all. And
 * it takes dates that no calendar has for others.
 */
export async function handleAndRewriteErrors(
  handler: UniversalHandler,
  request: UniversalServerRequest,
  maxMessageBytes: number,
  onRefusal: OnError,
): Promise<UniversalServerResponse> {
  const reject = (error: unknown) => {
    const failure = toConnectError(error);
    onRefusal(failure);
    return toErrorAnswer(request.header, failure);
  };
  const rewrite = (error: ConnectError) => {
    // A handler starts when a unary request has been read, and its own errors have details: what has
    // none from then on is about the response, and so is no error of the client's.
    const isRead = request.contextValues?.get(handlerStarted) === true;
    const translated = isRead
      ? translateConnectError(error)
      : translateReadError(error, maxMessageBytes);
    if (translated === undefined) return undefined;
    const failure = toConnectError(translated);
    onRefusal(failure);
    return failure;
  };
  let checked: UniversalServerRequest;
  try {
    checked = checkJsonDates(request, handler.method.input, maxMessageBytes);
  } catch (error) {
    return reject(error);
  }
  try {
    return await rewriteErrors(await handler(checked), rewrite);
  } catch (error) {
    if (!(error instanceof URIError)) throw error;
    return reject(malformed("it has text that is no Unicode"));
  }
}

/**
 * Puts what Connect itself refuses into our terms. Its interceptors see only calls that could be
 * read, and it offers no other place; so this rewrites the answer, in each protocol where it has its
 * error. What has details is ours, and stays as it is. `rewrite` is told of what Connect refused.
 */
async function rewriteErrors(
  response: UniversalServerResponse,
  rewrite: Rewrite,
): Promise<UniversalServerResponse> {
  const { header, body, status, trailer } = response;
  const type = header?.get("content-type") ?? "";
  if (body === undefined) return response;
  if (type.startsWith("application/grpc-web")) {
    return {
      ...response,
      body: mapLast(body, trailerFlag, header?.get("grpc-encoding"), (frame) =>
        rewriteTrailerFrame(frame, rewrite),
      ),
    };
  }
  if (type.startsWith("application/grpc") && trailer !== undefined) {
    return { ...response, body: followedBy(body, () => rewriteTrailer(trailer, rewrite)) };
  }
  if (type.startsWith("application/connect")) {
    return {
      ...response,
      body: mapLast(body, endStreamFlag, header?.get("connect-content-encoding"), (frame) =>
        rewriteEndStream(frame, rewrite),
      ),
    };
  }
  return status >= 400 && type === "application/json"
    ? rewriteUnary(response, body, rewrite)
    : response;
}

/** Connect: the whole body is the error. */
async function rewriteUnary(
  response: UniversalServerResponse,
  body: AsyncIterable<Uint8Array>,
  rewrite: Rewrite,
): Promise<UniversalServerResponse> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  const bytes = Buffer.concat(chunks);
  const plain = decompress(bytes, response.header?.get("content-encoding"));
  const explained = rewrite(parseError(plain));
  if (explained === undefined) return { ...response, body: toIterable(bytes) };
  const answer = errorToJsonBytes(explained, undefined);
  response.header?.delete("content-encoding");
  for (const [name, value] of explained.metadata) response.header?.set(name, value);
  response.header?.set("content-length", String(answer.length));
  return { ...response, status: codeToHttpStatus(explained.code), body: toIterable(answer) };
}

/** Connect, streaming: the last frame has the error, as JSON. */
function rewriteEndStream(frame: Uint8Array, rewrite: Rewrite): Uint8Array {
  const { error, metadata } = endStreamFromJson(frame.subarray(prefixLength));
  const explained = error && rewrite(error);
  if (explained === undefined) return frame;
  return toEndStreamFrame(metadata, explained);
}

/** gRPC-Web: the last frame has the trailers, as text. */
function rewriteTrailerFrame(frame: Uint8Array, rewrite: Rewrite): Uint8Array {
  const trailer = trailerParse(frame.subarray(prefixLength));
  rewriteTrailer(trailer, rewrite);
  return toTrailerFrame(trailer);
}

/** gRPC: the trailers are headers. */
function rewriteTrailer(trailer: Headers, rewrite: Rewrite): void {
  const error = findTrailerError(trailer);
  const explained = error && rewrite(error);
  if (explained !== undefined) setTrailerStatus(trailer, explained);
}

function parseError(bytes: Uint8Array): ConnectError {
  return errorFromJsonBytes(bytes, undefined, new ConnectError("not a Connect error"));
}

/** Maps the frame that has a flag: the last one. Connect gives each frame as one chunk. */
function mapLast(
  body: AsyncIterable<Uint8Array>,
  flag: number,
  encoding: string | null | undefined,
  map: (frame: Uint8Array) => Uint8Array,
): AsyncIterable<Uint8Array> {
  return mapAsync(body, (frame) => {
    if (frame[0] === flag) return map(frame);
    if (frame[0] !== (flag | compressedFlag)) return frame;
    return map(toFrame(flag, decompress(frame.subarray(prefixLength), encoding)));
  });
}

/** Connect compresses errors that quote much. */
function decompress(bytes: Uint8Array, encoding: string | null | undefined): Uint8Array {
  if (encoding === "gzip") return gunzipSync(bytes);
  return encoding === "br" ? brotliDecompressSync(bytes) : bytes;
}

const compressedFlag = 1;

async function* followedBy(
  body: AsyncIterable<Uint8Array>,
  work: () => void,
): AsyncIterable<Uint8Array> {
  yield* body;
  work();
}
