import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { fromBinary } from "@bufbuild/protobuf";
import { anyUnpack } from "@bufbuild/protobuf/wkt";
import { Code } from "@connectrpc/connect";
import { trailerParse } from "@connectrpc/connect/protocol-grpc-web";
import { ErrorInfoSchema } from "../../../src/gen/google/rpc/error_details_pb.js";
import { StatusSchema } from "../../../src/gen/google/rpc/status_pb.js";
import { codeName } from "../../../src/server/calls/call-log.js";
import { prefixLength } from "../../../src/server/connect/error-response.js";
import type { ReadableHeaders, Received } from "./exchange.js";

/** A response as a client understands it. */
export type Answer =
  | { readonly messages: readonly Buffer[] }
  | Failure
  /** Rejected by HTTP, before any RPC protocol. */
  | { readonly status: number; readonly text: string }
  | { readonly lost: string };

export type Failure = {
  /** As in the log: `not_found`. */
  readonly code: string;
  readonly message: string;
  readonly reason: string | undefined;
  readonly domain: string | undefined;
  /** The whole text, to search for what must not be disclosed. */
  readonly text: string;
};

/** Decodes a response by its content type: Connect, gRPC-Web or gRPC. */
export function readAnswer(received: Received): Answer {
  if ("lost" in received) return received;
  const { status, headers, trailers } = received;
  // Who sends compressed messages is answered so.
  const body = decompress(received.body, headers["content-encoding"]);
  const encoding = headers["grpc-encoding"] ?? headers["connect-content-encoding"];
  const type = String(headers["content-type"] ?? "");
  if (type.startsWith("application/grpc-web")) {
    const frames = readFrames(body, encoding);
    const end = frames.find(({ flag }) => flag === 0x80);
    const last = end ? Object.fromEntries(trailerParse(end.data)) : headers;
    return readStatus(last, messagesOf(frames));
  }
  if (type.startsWith("application/grpc")) {
    const last = trailers["grpc-status"] === undefined ? headers : trailers;
    return readStatus(last, messagesOf(readFrames(body, encoding)));
  }
  if (type.startsWith("application/connect+")) {
    const frames = readFrames(body, encoding);
    const end = JSON.parse(frames.find(({ flag }) => flag === 2)?.data.toString() || "{}");
    return end.error ? readError(end.error) : { messages: messagesOf(frames) };
  }
  if (status === 200) return { messages: [body] };
  if (type === "application/json") return readError(JSON.parse(body.toString()));
  return { status, text: body.toString() };
}

function readStatus(trailers: ReadableHeaders, messages: readonly Buffer[]): Answer {
  const number = Number(trailers["grpc-status"] ?? Code.Unknown);
  if (number === 0) return { messages };
  const text = Buffer.from(String(trailers["grpc-status-details-bin"] ?? ""), "base64");
  const { details } = fromBinary(StatusSchema, text);
  const [info] = details.map((detail) => anyUnpack(detail, ErrorInfoSchema)).filter(Boolean);
  const message = decode(String(trailers["grpc-message"] ?? ""));
  const { reason, domain } = info ?? {};
  return { code: nameOf(number), message, reason, domain, text: `${message}\n${text}` };
}

/** Percent-encoded, but by grpc-js where it quotes a path. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

type ConnectJson = {
  readonly code?: string;
  readonly message?: string;
  readonly details?: readonly { readonly type: string; readonly value: string }[];
};

function readError({ code = "unknown", message = "", details = [] }: ConnectJson): Failure {
  const bytes = details.map(({ value }) => Buffer.from(value, "base64"));
  const at = details.findIndex(({ type }) => type === ErrorInfoSchema.typeName);
  const info = bytes[at] && fromBinary(ErrorInfoSchema, bytes[at]);
  const { reason, domain } = info ?? {};
  return { code, message, reason, domain, text: [message, ...bytes].join("\n") };
}

function nameOf(number: number): string {
  return number in Code ? codeName(number) : `code ${number}`;
}

type Frame = { readonly flag: number; readonly data: Buffer };

function readFrames(body: Buffer, encoding: unknown): readonly Frame[] {
  const frames: Frame[] = [];
  for (let at = 0; at + prefixLength <= body.length; ) {
    const end = at + prefixLength + body.readUInt32BE(at + 1);
    const flags = body[at] ?? 0;
    const data = body.subarray(at + prefixLength, end);
    const isCompressed = (flags & compressedFlag) !== 0;
    frames.push({
      flag: flags & ~compressedFlag,
      data: isCompressed ? decompress(data, encoding) : data,
    });
    at = end;
  }
  return frames;
}

function decompress(data: Buffer, encoding: unknown): Buffer {
  if (data.length === 0) return data;
  if (encoding === "gzip") return gunzipSync(data);
  return encoding === "br" ? brotliDecompressSync(data) : data;
}

const compressedFlag = 1;

function messagesOf(frames: readonly Frame[]): readonly Buffer[] {
  return frames.filter(({ flag }) => flag === 0).map(({ data }) => data);
}
