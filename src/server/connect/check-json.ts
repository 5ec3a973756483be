import { brotliDecompressSync, gunzipSync } from "node:zlib";
import type { DescMessage } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import type { UniversalServerRequest } from "@connectrpc/connect/protocol";
import { DomainError, invalidFields } from "../../domain/domain-error.js";
import { malformed } from "../../rpc/errors/translate-connect-error.js";
import { prefixLength } from "./error-response.js";
import { explainJson } from "./explain-json.js";
import { findImpossibleDate } from "./json-dates.js";

/** A request whose JSON is checked while it is read. */
export type CheckedRequest = {
  readonly request: UniversalServerRequest;
  /** Returns what is wrong with the fields of the last message, once Connect has rejected it. */
  readonly explain: () => DomainError | undefined;
};

/**
 * Returns the request with a body that fails when a JSON message in it has a date that does not
 * exist. Returns other requests unchanged. Buffers at most `maxMessageBytes` of a message, as much
 * as Connect, which rejects larger messages.
 *
 * @throws DomainError INVALID_FIELD when the message is in the URL and has such a date.
 */
export function checkJson(
  request: UniversalServerRequest,
  input: DescMessage,
  maxMessageBytes: number,
): CheckedRequest {
  const { method, header, body } = request;
  let readLast = (): Buffer | undefined => undefined;
  let found: DomainError | undefined;
  const check = (bytes: Uint8Array, encoding: string | null | undefined) => {
    readLast = () => decompress(Buffer.from(bytes), encoding, maxMessageBytes);
    rejectImpossibleDate(input, readLast());
  };
  const explain = () => {
    if (found !== undefined) return found;
    const violations = explainJson(input, readLast()?.toString() ?? "");
    return violations.length === 0 ? undefined : invalidFields(violations);
  };
  if (method === "GET") {
    checkUrl(request.url, check);
    return { request, explain };
  }
  const [, protocol] = jsonType.exec(header.get("content-type") ?? "") ?? [];
  if (protocol === undefined || !isIterable(body)) return { request, explain };
  const encoding = header.get(encodingHeaders[protocol] ?? "");
  const checked =
    protocol === ""
      ? checkWhole(body, maxMessageBytes, (bytes) => check(bytes, encoding))
      : checkFrames(body, maxMessageBytes, (flags, bytes) =>
          check(bytes, (flags & compressedFlag) === 0 ? "identity" : encoding),
        );
  const remember = (error: DomainError) => {
    found = error;
  };
  return { request: { ...request, body: failAsConnect(checked, remember) }, explain };
}

/** JSON content types. Without a prefix the body is the message; with a prefix it has frames. */
const jsonType = /^application\/(|connect\+|grpc\+|grpc-web\+)json(?:;|$)/;
const encodingHeaders: Readonly<Record<string, string>> = {
  ...{ "": "content-encoding", "connect+": "connect-content-encoding" },
  ...{ "grpc+": "grpc-encoding", "grpc-web+": "grpc-encoding" },
};
const compressedFlag = 1;
/** The first byte of JSON that was sent without an envelope. It is no valid flag. */
const openBrace = 0x7b;
const noEnvelope =
  "this method is a stream: before each message it takes an envelope of 5 bytes, one of flags (0) and " +
  "four of the message's length (big-endian); got JSON at once";

type CheckMessage = (bytes: Uint8Array, encoding: string | null | undefined) => void;

/** Checks a GET request of Connect, whose message is in the URL. */
function checkUrl(url: string, check: CheckMessage): void {
  const { searchParams } = new URL(url);
  if (searchParams.get("encoding") !== "json") return;
  const text = searchParams.get("message") ?? "";
  const isBase64 = searchParams.get("base64") === "1";
  check(Buffer.from(text, isBase64 ? "base64url" : "utf8"), searchParams.get("compression"));
}

/** Fails with an error of Connect, so that the response becomes the error that was remembered. */
async function* failAsConnect(
  body: AsyncIterable<Uint8Array>,
  remember: (error: DomainError) => void,
): AsyncGenerator<Uint8Array> {
  try {
    yield* body;
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    remember(error);
    throw new ConnectError(error.message, Code.InvalidArgument);
  }
}

async function* checkWhole(
  body: AsyncIterable<Uint8Array>,
  maxBytes: number,
  check: (bytes: Uint8Array) => void,
): AsyncGenerator<Uint8Array> {
  let chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body) {
    length += chunk.length;
    chunks.push(chunk);
    if (length <= maxBytes) continue;
    yield* chunks;
    chunks = [];
  }
  if (length <= maxBytes)
    check(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks));
  yield* chunks;
}

async function* checkFrames(
  body: AsyncIterable<Uint8Array>,
  maxBytes: number,
  check: (flags: number, bytes: Uint8Array) => void,
): AsyncGenerator<Uint8Array> {
  let chunks: Uint8Array[] = [];
  let length = 0;
  let needed = prefixLength;
  for await (const chunk of body) {
    chunks.push(chunk);
    length += chunk.length;
    while (needed > 0 && length >= needed) {
      const bytes = Buffer.concat(chunks);
      if (bytes[0] === openBrace) throw malformed(noEnvelope);
      const end = prefixLength + bytes.readUInt32BE(1);
      if (end > prefixLength + maxBytes) needed = 0;
      else if (end > length) needed = end;
      else {
        check(bytes[0] ?? 0, bytes.subarray(prefixLength, end));
        yield bytes.subarray(0, end);
        needed = prefixLength;
      }
      const rest = needed === prefixLength ? bytes.subarray(end) : bytes;
      chunks = [rest];
      length = rest.length;
      if (needed !== prefixLength) break;
    }
    // The message is too large: Connect rejects it.
    if (needed > 0) continue;
    yield* chunks;
    chunks = [];
    length = 0;
  }
  yield* chunks;
}

function rejectImpossibleDate(input: DescMessage, json: Buffer | undefined): void {
  const violation = json && findImpossibleDate(input, json.toString());
  if (violation !== undefined) throw invalidFields([violation]);
}

/** Returns undefined for invalid or too large data, which Connect rejects. */
function decompress(
  bytes: Buffer,
  encoding: string | null | undefined,
  maxOutputLength: number,
): Buffer | undefined {
  try {
    if (encoding === "gzip") return gunzipSync(bytes, { maxOutputLength });
    if (encoding === "br") return brotliDecompressSync(bytes, { maxOutputLength });
    return bytes;
  } catch {
    return undefined;
  }
}

function isIterable(body: UniversalServerRequest["body"]): body is AsyncIterable<Uint8Array> {
  return typeof body === "object" && body !== null && Symbol.asyncIterator in body;
}
