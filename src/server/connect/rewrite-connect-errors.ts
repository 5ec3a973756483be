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
import type { DomainError } from "../../domain/domain-error.js";
import { toConnectError } from "../../rpc/errors/to-connect-error.js";
import {
  malformed,
  translateConnectError,
  translateReadError,
} from "../../rpc/errors/translate-connect-error.js";
import { type CheckedRequest, checkJson } from "./check-json.js";
import {
  prefixLength,
  toEndStreamFrame,
  toErrorResponse,
  toFrame,
  toIterable,
  toTrailerFrame,
} from "./error-response.js";

/** Records an error before it is sent, and may add to its metadata. */
export type OnError = (failure: ConnectError) => void;

/** Returns the API's error for an error of Connect. Undefined: it stays unchanged. */
type Rewrite = (error: ConnectError) => ConnectError | undefined;

/** Returns what is wrong with the JSON of a call whose message Connect could not read. */
export const explainReadError = createContextKey((): DomainError | undefined => undefined);

/** Set in the values of a call when its handler starts. */
export const handlerStarted = createContextKey(false);

/**
 * Runs Connect's handler, and rewrites Connect's own errors as errors of the API. JSON that protobuf-es
 * rejects gets an error for each of its fields. Also rejects two
 * kinds of JSON that Connect handles badly:
 * - Dates that do not exist, which protobuf-es reads as other dates.
 * - Text with a lone surrogate. Connect quotes invalid JSON in its error message, and where messages
 *   are percent-encoded, the encoding then fails and Connect sends no response.
 */
export async function handleAndRewriteErrors(
  handler: UniversalHandler,
  request: UniversalServerRequest,
  maxMessageBytes: number,
  onError: OnError,
): Promise<UniversalServerResponse> {
  const reject = (error: unknown) => {
    const failure = toConnectError(error);
    onError(failure);
    return toErrorResponse(request.header, failure);
  };
  const rewrite = (error: ConnectError) => {
    // A handler starts when a unary request has been read, and its own errors have details. An error
    // without details from then on concerns the response, so it is not the client's.
    const isRead = request.contextValues?.get(handlerStarted) === true;
    const translated = isRead
      ? translateConnectError(error)
      : translateReadError(error, maxMessageBytes);
    if (translated === undefined) return undefined;
    const failure = toConnectError(explain(translated, checked.explain));
    onError(failure);
    return failure;
  };
  let checked: CheckedRequest;
  try {
    checked = checkJson(request, handler.method.input, maxMessageBytes);
  } catch (error) {
    return reject(error);
  }
  request.contextValues?.set(explainReadError, checked.explain);
  try {
    return await rewriteErrors(await handler(checked.request), rewrite);
  } catch (error) {
    if (!(error instanceof URIError)) throw error;
    return reject(malformed("it has text that is no Unicode"));
  }
}

/** Returns the error of the wrong fields instead of a MALFORMED_REQUEST, if they can be found. */
export function explain(
  error: DomainError,
  findErrors: () => DomainError | undefined,
): DomainError {
  return error.reason === "MALFORMED_REQUEST" ? (findErrors() ?? error) : error;
}

/**
 * Rewrites errors that Connect itself creates. Connect's interceptors see only calls whose message
 * could be read, and Connect has no other hook. So this function rewrites the response, at the place
 * where the protocol has its error. An error with details is the service's own and stays unchanged.
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

/** Rewrites a unary Connect response, whose whole body is the error. */
async function rewriteUnary(
  response: UniversalServerResponse,
  body: AsyncIterable<Uint8Array>,
  rewrite: Rewrite,
): Promise<UniversalServerResponse> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  const bytes = Buffer.concat(chunks);
  const plain = decompress(bytes, response.header?.get("content-encoding"));
  const translated = rewrite(parseError(plain));
  if (translated === undefined) return { ...response, body: toIterable(bytes) };
  const json = errorToJsonBytes(translated, undefined);
  response.header?.delete("content-encoding");
  for (const [name, value] of translated.metadata) response.header?.set(name, value);
  response.header?.set("content-length", String(json.length));
  return { ...response, status: codeToHttpStatus(translated.code), body: toIterable(json) };
}

/** Rewrites the last frame of a Connect stream, which has the error as JSON. */
function rewriteEndStream(frame: Uint8Array, rewrite: Rewrite): Uint8Array {
  const { error, metadata } = endStreamFromJson(frame.subarray(prefixLength));
  const translated = error && rewrite(error);
  if (translated === undefined) return frame;
  return toEndStreamFrame(metadata, translated);
}

/** Rewrites the last frame of a gRPC-Web response, which has the trailers as text. */
function rewriteTrailerFrame(frame: Uint8Array, rewrite: Rewrite): Uint8Array {
  const trailer = trailerParse(frame.subarray(prefixLength));
  rewriteTrailer(trailer, rewrite);
  return toTrailerFrame(trailer);
}

/** Rewrites the trailers of a gRPC response. */
function rewriteTrailer(trailer: Headers, rewrite: Rewrite): void {
  const error = findTrailerError(trailer);
  const translated = error && rewrite(error);
  if (translated !== undefined) setTrailerStatus(trailer, translated);
}

function parseError(bytes: Uint8Array): ConnectError {
  return errorFromJsonBytes(bytes, undefined, new ConnectError("not a Connect error"));
}

/** Maps the frame with `flag`, which is the last one. Connect yields each frame as one chunk. */
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

/** Decompresses an error. Connect compresses errors with long quotes. */
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
