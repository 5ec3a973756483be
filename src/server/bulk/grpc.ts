import { once } from "node:events";
import type { DescMethod, DescService } from "@bufbuild/protobuf";
import * as grpc from "@grpc/grpc-js";
import { toConnectError } from "../../rpc/errors.js";
import { GrpcContext, toMetadata } from "../grpc-context.js";
import { toStatus } from "../grpc-status.js";
import { pathOf } from "./methods.js";
import type { BulkThreads } from "./threads.js";

/** A bulk method for grpc-js: messages stay bytes, one or many in either direction. */
export function toBulkDefinition(method: DescMethod): grpc.MethodDefinition<Buffer, Buffer> {
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

/** Has a thread serve a call: as one of Connect's gRPC protocol, since that is what it understands. */
export function toBulkHandler(
  service: DescService,
  method: DescMethod,
  threads: BulkThreads,
): grpc.handleBidiStreamingCall<Buffer, Buffer> {
  return async (call) => {
    const context = new GrpcContext(service, method, call);
    try {
      const answer = await threads.serve({
        httpVersion: "2.0",
        method: "POST",
        url: `http://thread${pathOf(method)}`,
        header: toRequestHeaders(context),
        body: toEnvelopes(call),
        signal: context.signal,
      });
      for await (const envelope of answer.body ?? []) {
        if (call.write(Buffer.from(envelope.subarray(prefixLength)))) continue;
        await once(call, "drain", { signal: context.signal });
      }
      end(call, answer.trailer ?? new Headers());
    } catch (error) {
      call.emit("error", toStatus(toConnectError(error)));
    }
  };
}

function toRequestHeaders(context: GrpcContext): Headers {
  const headers = new Headers(context.requestHeader);
  // grpc-js has seen to the compression.
  headers.delete("grpc-encoding");
  headers.delete("grpc-accept-encoding");
  headers.set("content-type", "application/grpc+proto");
  const timeoutMs = context.timeoutMs();
  if (timeoutMs !== undefined && timeoutMs <= longestTimeoutMs) {
    headers.set("grpc-timeout", `${Math.ceil(timeoutMs)}m`);
  }
  return headers;
}

/** The messages as they are on the wire: each behind a byte of flags and four of its length. */
async function* toEnvelopes(call: grpc.ServerDuplexStream<Buffer, Buffer>) {
  // The call is answered after its last message: it must not be destroyed with it.
  for await (const message of call.iterator({ destroyOnReturn: false })) {
    const envelope = Buffer.alloc(prefixLength + message.length);
    envelope.writeUInt32BE(message.length, 1);
    envelope.set(message, prefixLength);
    yield envelope;
  }
}

function end(call: grpc.ServerDuplexStream<Buffer, Buffer>, trailer: Headers): void {
  const code = Number(trailer.get("grpc-status") ?? grpc.status.UNKNOWN);
  const details = decodeURIComponent(trailer.get("grpc-message") ?? "");
  trailer.delete("grpc-status");
  trailer.delete("grpc-message");
  const metadata = toMetadata(trailer);
  if (code === grpc.status.OK) call.end(metadata);
  else call.emit("error", { code, details, metadata });
}

const same = (bytes: Buffer) => bytes;
const prefixLength = 5;

// A timeout has at most eight digits; a longer one is as good as none.
const longestTimeoutMs = 99_999_999;
