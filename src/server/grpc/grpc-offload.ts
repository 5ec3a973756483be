import { once } from "node:events";
import type { DescMethod } from "@bufbuild/protobuf";
import type { UniversalServerResponse } from "@connectrpc/connect/protocol";
import * as grpc from "@grpc/grpc-js";
import { mapAsync } from "../../async/map-async.js";
import { prefixLength, toFrame } from "../connect/error-response.js";
import { pathOf } from "../threads/offloaded-methods.js";
import type { ThreadPool } from "../threads/thread-pool.js";
import { GrpcContext } from "./handler-context.js";
import { assignRequestId, toMetadata } from "./metadata.js";
import { statusOf } from "./status.js";

/** A bulk method for grpc-js: messages stay bytes, one or many in either direction. */
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

/** Has a thread serve the calls of a method, be they streams or not. */
export function toOffloadedHandler(
  method: DescMethod,
  threads: ThreadPool,
): grpc.handleBidiStreamingCall<Buffer, Buffer> {
  return async (call) => {
    assignRequestId(call.metadata);
    const context = new GrpcContext(method, call);
    try {
      // The call is answered after its last message: it must not be destroyed with it.
      const messages = call.iterator({ destroyOnReturn: false });
      const answer = await serveInThread(threads, method, context, messages);
      for await (const envelope of answer.body ?? []) {
        if (call.write(toMessage(envelope))) continue;
        await once(call, "drain", { signal: context.signal });
      }
      const status = readStatus(answer);
      if (status.code === grpc.status.OK) call.end(status.metadata);
      else call.emit("error", status);
    } catch (error) {
      call.emit("error", statusOf(error));
    }
  };
}

/**
 * Has a thread serve one call with one message and one answer.
 *
 * @throws grpc.StatusObject when the call fails.
 */
export async function answerInThread(
  threads: ThreadPool,
  method: DescMethod,
  context: GrpcContext,
  message: Buffer,
): Promise<Buffer> {
  const answer = await serveInThread(threads, method, context, [message]);
  const messages: Buffer[] = [];
  for await (const envelope of answer.body ?? []) messages.push(toMessage(envelope));
  const status = readStatus(answer);
  if (status.code !== grpc.status.OK) throw status;
  return Buffer.concat(messages);
}

/** As a call of Connect's gRPC protocol, since that is what a thread understands. */
function serveInThread(
  threads: ThreadPool,
  method: DescMethod,
  context: GrpcContext,
  messages: AsyncIterable<Buffer> | Iterable<Buffer>,
): Promise<UniversalServerResponse> {
  const header = new Headers(context.requestHeader);
  // grpc-js has seen to the compression.
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
    body: mapAsync(messages, (message) => toFrame(noFlags, message)),
    signal: context.signal,
    contextValues: context.values,
  });
}

function toMessage(envelope: Uint8Array): Buffer {
  return Buffer.from(envelope.buffer, envelope.byteOffset, envelope.length).subarray(prefixLength);
}

/** The status in the trailers, which are complete when the body has been read. */
function readStatus({ trailer = new Headers() }: UniversalServerResponse): grpc.StatusObject {
  const code = Number(trailer.get("grpc-status") ?? grpc.status.UNKNOWN);
  const details = decodeURIComponent(trailer.get("grpc-message") ?? "");
  trailer.delete("grpc-status");
  trailer.delete("grpc-message");
  return { code, details, metadata: toMetadata(trailer) };
}

const same = (bytes: Buffer) => bytes;
const noFlags = 0;

// A timeout has at most eight digits; a longer one is as good as none.
const longestTimeoutMs = 99_999_999;
