import {
  type DescMethodServerStreaming,
  type DescMethodUnary,
  type DescService,
  fromBinary,
  type MessageInitShape,
} from "@bufbuild/protobuf";
import type { ServiceImpl } from "@connectrpc/connect";
import type * as grpc from "@grpc/grpc-js";
import { mapAsync } from "../../async/map-async.js";
import type { DomainError } from "../../domain/domain-error.js";
import { compileEncoder } from "../../protobuf/compiled-encoder.js";
import { malformed } from "../../rpc/errors/translate-connect-error.js";
import { isOffloaded, largeMessageBytes, pathOf } from "../threads/offloaded-methods.js";
import type { ThreadPool } from "../threads/thread-pool.js";
import {
  respondInThread,
  sendResponses,
  serveUnaryInThread,
  toOffloadedDefinition,
  toOffloadedHandler,
} from "./grpc-offload.js";
import { GrpcContext } from "./handler-context.js";
import { assignRequestId } from "./metadata.js";
import { statusOf } from "./status.js";
import type { ServeUnary, UnaryCalls } from "./unary-interceptor.js";

/** The gRPC server on which services are mounted, and what handles their calls. */
export type GrpcMount = {
  readonly server: grpc.Server;
  readonly unaryCalls: UnaryCalls;
  readonly threads: ThreadPool;
};

/**
 * Mounts a Connect service implementation on a grpc-js server. Calls of offloaded methods run in
 * worker threads, and so do calls of any method with a large message. The implementation handles
 * all other calls, which have one request message.
 */
export function addConnectService<S extends DescService>(
  { server, unaryCalls, threads }: GrpcMount,
  service: S,
  implementation: ServiceImpl<S>,
): void {
  const handlers = implementation as Record<string, Handler>;
  const definitions: Record<string, object> = {};
  const implementations: Record<string, unknown> = {};
  for (const method of service.methods) {
    if (isOffloaded(method)) {
      definitions[method.name] = toOffloadedDefinition(method);
      implementations[method.name] = toOffloadedHandler(method, threads);
    } else if (method.methodKind === "server_streaming") {
      const handler = handlers[method.localName] as unknown as StreamHandler;
      const serverStream = method as DescMethodServerStreaming;
      definitions[method.name] = { ...toDefinition(serverStream), responseStream: true };
      implementations[method.name] = toStreamHandler(serverStream, handler, threads);
    } else {
      const unary = method as DescMethodUnary;
      const handler = handlers[method.localName] as Handler;
      definitions[method.name] = toDefinition(unary);
      implementations[method.name] = unused;
      unaryCalls.set(pathOf(method), toUnaryServer(unary, handler, threads));
    }
  }
  server.addService(
    definitions as unknown as grpc.ServiceDefinition,
    implementations as grpc.UntypedServiceImplementation,
  );
}

type Init = MessageInitShape<DescMethodUnary["output"]>;
type Handler = (request: object, context: GrpcContext) => Promise<Init> | Init;
type StreamHandler = (request: object, context: GrpcContext) => AsyncIterable<Init>;

/** A parsed message, the error of a malformed message, or the bytes of a large message. */
type Received = { readonly request: object | DomainError } | Buffer;

type OneRequestMethod = DescMethodUnary | DescMethodServerStreaming;

function toDefinition(method: OneRequestMethod): grpc.MethodDefinition<Received, Buffer> {
  const { input } = method;
  return {
    path: pathOf(method),
    requestStream: false,
    responseStream: false,
    requestSerialize: unused,
    requestDeserialize: (bytes) => {
      if (bytes.length > largeMessageBytes) return bytes;
      try {
        return { request: fromBinary(input, bytes) };
      } catch (error) {
        // grpc-js would return INTERNAL, but a malformed message is the client's fault.
        return { request: malformed((error as Error).message) };
      }
    },
    responseSerialize: (bytes) => bytes,
    responseDeserialize: unused,
  };
}

function toUnaryServer(method: DescMethodUnary, handler: Handler, threads: ThreadPool): ServeUnary {
  const encode = compileEncoder(method.output);
  return (call, message) => {
    const context = new GrpcContext(method, call);
    const fail = (error: unknown) => call.sendError(statusOf(error));
    const respond = (response: Init) => {
      const bytes = encode(response);
      context.sendHeaders();
      call.respond(bytes, context.trailers());
    };
    const received = message as Received;
    if (Buffer.isBuffer(received)) {
      serveUnaryInThread(threads, method, context, received)
        .then((bytes) => call.respond(bytes))
        .catch(fail);
      return;
    }
    try {
      const response = handler(received.request, context);
      if (response instanceof Promise) response.then(respond).catch(fail);
      else respond(response);
    } catch (error) {
      fail(error);
    }
  };
}

/** Returns a handler that sends a stream of responses as fast as its client reads them. */
function toStreamHandler(
  method: DescMethodServerStreaming,
  handler: StreamHandler,
  threads: ThreadPool,
): grpc.handleServerStreamingCall<Received, Buffer> {
  const encode = compileEncoder(method.output);
  return async (call) => {
    assignRequestId(call.metadata);
    const context = new GrpcContext(method, call);
    const received = call.request;
    if (Buffer.isBuffer(received)) return respondInThread(call, threads, context, [received]);
    try {
      const responses = handler(received.request, context);
      await sendResponses(call, context, mapAsync(responses, encode));
      call.end(context.trailers());
    } catch (error) {
      call.emit("error", statusOf(error));
    }
  };
}

function unused(): never {
  throw new Error("a server neither serializes requests nor deserializes responses");
}
