import { once } from "node:events";
import type { DescMethod } from "@bufbuild/protobuf";
import type { UniversalServerResponse } from "@connectrpc/connect/protocol";
import * as grpc from "@grpc/grpc-js";
import { mapAsync } from "../../async/map-async.js";
import { findReadState } from "../../library-internals/private-fields.js";
import { prefixLength, toFrame, toPrefix } from "../connect/error-response.js";
import { largeMessageBytes, pathOf } from "../threads/offloaded-methods.js";
import type { ThreadPool } from "../threads/thread-pool.js";
import { GrpcContext } from "./handler-context.js";
import { assignRequestId, toMetadata } from "./metadata.js";
import { statusOf } from "./status.js";

/**
 * Defines an offloaded method for grpc-js. Messages stay bytes, and both directions are streams,
 * whether the method is unary or not.
 */
export function toOffloadedDefinition(method: DescMethod): grpc.MethodDefinition<Buffer, Buffer> {
  return {
    path: pathOf(method),
    requestStream: true,
    responseStream: true,
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same,
  };
}

/** Returns a handler that runs the calls of a method, unary or streaming, in a worker thread. */
export function toOffloadedHandler(
  method: DescMethod,
  threads: ThreadPool,
): grpc.handleBidiStreamingCall<Buffer, Buffer> {
  return async (call) => {
    assignRequestId(call.metadata);
    const context = new GrpcContext(method, call);
    const state = findReadState(call);
    if (state !== undefined) state.highWaterMark = messagesReadAhead;
    // Responses are sent after the last request message, so the end of the iteration must not
    // destroy the call.
    const messages = call.iterator({ destroyOnReturn: false });
    await respondInThread(call, threads, context, messages);
  };
}

type ResponseStream =
  | grpc.ServerDuplexStream<Buffer, Buffer>
  | grpc.ServerWritableStream<unknown, Buffer>;

/** Runs a call in a worker thread, and sends its responses, or its error. */
export async function respondInThread(
  call: ResponseStream,
  threads: ThreadPool,
  context: GrpcContext,
  messages: AsyncIterable<Buffer> | Iterable<Buffer>,
): Promise<void> {
  try {
    const response = await serveInThread(threads, context.method, context, messages);
    await sendResponses(call, context, mapAsync(response.body ?? [], toMessage));
    const status = readStatus(response);
    if (status.code === grpc.status.OK) call.end(status.metadata);
    else call.emit("error", status);
  } catch (error) {
    call.emit("error", statusOf(error));
  }
}

/** Sends responses as fast as the client reads them. */
export async function sendResponses(
  call: ResponseStream,
  context: GrpcContext,
  responses: AsyncIterable<Buffer>,
): Promise<void> {
  for await (const response of responses) {
    if (call.write(response)) continue;
    await once(call, "drain", { signal: context.signal });
  }
}

/**
 * Runs a unary call in a worker thread. Returns the bytes of the response message.
 *
 * @throws grpc.StatusObject when the call fails.
 */
export async function serveUnaryInThread(
  threads: ThreadPool,
  method: DescMethod,
  context: GrpcContext,
  message: Buffer,
): Promise<Buffer> {
  const response = await serveInThread(threads, method, context, [message]);
  const messages: Buffer[] = [];
  for await (const envelope of response.body ?? []) messages.push(toMessage(envelope));
  const status = readStatus(response);
  if (status.code !== grpc.status.OK) throw status;
  return Buffer.concat(messages);
}

/** Sends a call to a worker thread in Connect's gRPC protocol, which threads expect. */
function serveInThread(
  threads: ThreadPool,
  method: DescMethod,
  context: GrpcContext,
  messages: AsyncIterable<Buffer> | Iterable<Buffer>,
): Promise<UniversalServerResponse> {
  const header = new Headers(context.requestHeader);
  // grpc-js handles the compression.
  header.delete("grpc-encoding");
  header.delete("grpc-accept-encoding");
  header.set("content-type", "application/grpc+proto");
  const timeoutMs = context.timeoutMs();
  if (timeoutMs !== undefined && timeoutMs <= longestTimeoutMs) {
    header.set("grpc-timeout", `${Math.ceil(timeoutMs)}m`);
  }
  return threads.serve({
    httpVersion: "2.0",
    method: "POST",
    url: `http://thread${pathOf(method)}`,
    header,
    body: toFrames(messages),
    signal: context.signal,
    contextValues: context.values,
  });
}

/** Returns messages as frames. Does not copy large ones: the prefix of their frame is a chunk of its own. */
async function* toFrames(
  messages: AsyncIterable<Buffer> | Iterable<Buffer>,
): AsyncGenerator<Uint8Array> {
  for await (const message of messages) {
    if (message.length <= largeMessageBytes) yield toFrame(noFlags, message);
    else {
      yield toPrefix(noFlags, message.length);
      yield message;
    }
  }
}

function toMessage(envelope: Uint8Array): Buffer {
  return Buffer.from(envelope.buffer, envelope.byteOffset, envelope.length).subarray(prefixLength);
}

/** Returns the status in the trailers, which are complete after the body has been read. */
function readStatus({ trailer = new Headers() }: UniversalServerResponse): grpc.StatusObject {
  const code = Number(trailer.get("grpc-status") ?? grpc.status.UNKNOWN);
  const details = decodeURIComponent(trailer.get("grpc-message") ?? "");
  trailer.delete("grpc-status");
  trailer.delete("grpc-message");
  return { code, details, metadata: toMetadata(trailer) };
}

const same = (bytes: Buffer) => bytes;
const noFlags = 0;
/** By default it is 16, and each message can have several megabytes. */
const messagesReadAhead = 1;

// grpc-timeout has at most eight digits. A longer timeout is omitted: it has no practical effect.
const longestTimeoutMs = 99_999_999;
