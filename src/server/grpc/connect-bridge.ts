import {
  type DescMethodUnary,
  type DescService,
  fromBinary,
  type MessageInitShape,
} from "@bufbuild/protobuf";
import type { ServiceImpl } from "@connectrpc/connect";
import type * as grpc from "@grpc/grpc-js";
import type { DomainError } from "../../domain/domain-error.js";
import { malformed } from "../../rpc/errors/translate-connect-error.js";
import { isOffloaded, largeMessageBytes, pathOf } from "../threads/offloaded-methods.js";
import type { ThreadPool } from "../threads/thread-pool.js";
import { compileEncoder } from "./compiled-encoder.js";
import { answerInThread, toOffloadedDefinition, toOffloadedHandler } from "./grpc-offload.js";
import { GrpcContext } from "./handler-context.js";
import { statusOf } from "./status.js";
import type { ServeUnary, UnaryCalls } from "./unary-interceptor.js";

/** Where services are mounted. */
export type GrpcMount = {
  readonly server: grpc.Server;
  readonly unaryCalls: UnaryCalls;
  readonly threads: ThreadPool;
};

/**
 * Mounts a Connect service implementation on a grpc-js server. Calls of bulk methods go to threads,
 * and so do large messages of any method; all else, which is unary, goes to the implementation.
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
    } else {
      const unary = method as DescMethodUnary;
      const handler = handlers[method.localName] as Handler;
      definitions[method.name] = toDefinition(unary);
      implementations[method.name] = unused;
      unaryCalls.set(pathOf(method), toServe(unary, handler, threads));
    }
  }
  server.addService(
    definitions as unknown as grpc.ServiceDefinition,
    implementations as grpc.UntypedServiceImplementation,
  );
}

type Init = MessageInitShape<DescMethodUnary["output"]>;
type Handler = (request: object, context: GrpcContext) => Promise<Init> | Init;

/** What has become of a message's bytes: read, refused as malformed, or large and left as they are. */
type Received = { readonly request: object | DomainError } | Buffer;

function toDefinition(method: DescMethodUnary): grpc.MethodDefinition<Received, Buffer> {
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
        // grpc-js would answer INTERNAL, but a malformed message is the caller's fault.
        return { request: malformed((error as Error).message) };
      }
    },
    responseSerialize: (bytes) => bytes,
    responseDeserialize: unused,
  };
}

function toServe(method: DescMethodUnary, handler: Handler, threads: ThreadPool): ServeUnary {
  const encode = compileEncoder(method.output);
  return (call, message) => {
    const context = new GrpcContext(method, call);
    const refuse = (error: unknown) => call.refuse(statusOf(error));
    const answer = (response: Init) => {
      const bytes = encode(response);
      context.sendHeaders();
      call.answer(bytes, context.trailers());
    };
    const received = message as Received;
    if (Buffer.isBuffer(received)) {
      answerInThread(threads, method, context, received)
        .then((bytes) => call.answer(bytes))
        .catch(refuse);
      return;
    }
    try {
      const response = handler(received.request, context);
      if (response instanceof Promise) response.then(answer).catch(refuse);
      else answer(response);
    } catch (error) {
      refuse(error);
    }
  };
}

function unused(): never {
  throw new Error("a server neither serializes requests nor deserializes responses");
}
