import {
  type DescMethodUnary,
  type DescService,
  fromBinary,
  type MessageInitShape,
} from "@bufbuild/protobuf";
import type { ServiceImpl } from "@connectrpc/connect";
import type * as grpc from "@grpc/grpc-js";
import type { DomainError } from "../domain/errors.js";
import { toConnectError } from "../rpc/errors.js";
import { malformed } from "../rpc/library-errors.js";
import { answerInThread, toBulkDefinition, toBulkHandler } from "./bulk/grpc.js";
import { isBulk, largeMessageBytes, pathOf } from "./bulk/methods.js";
import type { BulkThreads } from "./bulk/threads.js";
import { GrpcContext } from "./grpc-context.js";
import { isStatus, toStatus } from "./grpc-status.js";
import { compileEncoder } from "./message-encoder.js";

/**
 * Mounts a Connect service implementation on a grpc-js server. Calls of bulk methods go to threads,
 * and so do large messages of any method; all else, which is unary, goes to the implementation.
 */
export function addConnectService<S extends DescService>(
  server: grpc.Server,
  service: S,
  implementation: ServiceImpl<S>,
  threads: BulkThreads,
): void {
  const handlers = implementation as Record<string, Handler>;
  const definitions: Record<string, object> = {};
  const implementations: Record<string, unknown> = {};
  for (const method of service.methods) {
    if (isBulk(method)) {
      definitions[method.name] = toBulkDefinition(method);
      implementations[method.name] = toBulkHandler(method, threads);
    } else {
      const unary = method as DescMethodUnary;
      definitions[method.name] = toDefinition(unary);
      const handler = handlers[method.localName] as Handler;
      implementations[method.name] = toGrpcHandler(unary, handler, threads);
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

function toDefinition(method: DescMethodUnary): grpc.MethodDefinition<Received, Init | Buffer> {
  const { input, output } = method;
  const encode = compileEncoder(output);
  return {
    path: pathOf(method),
    requestStream: false,
    responseStream: false,
    requestSerialize: () => unused(),
    requestDeserialize: (bytes) => {
      if (bytes.length > largeMessageBytes) return bytes;
      try {
        return { request: fromBinary(input, bytes) };
      } catch (error) {
        // grpc-js would answer INTERNAL, but a malformed message is the caller's fault.
        return { request: malformed((error as Error).message) };
      }
    },
    responseSerialize: (response) => (Buffer.isBuffer(response) ? response : encode(response)),
    responseDeserialize: () => unused(),
  };
}

function toGrpcHandler(
  method: DescMethodUnary,
  handler: Handler,
  threads: BulkThreads,
): grpc.handleUnaryCall<Received, Init | Buffer> {
  return (call, callback) => {
    const context = new GrpcContext(method, call);
    const refuse = (error: unknown) =>
      callback(isStatus(error) ? error : toStatus(toConnectError(error)));
    const answer = (response: Init) => {
      context.sendHeaders();
      callback(null, response, context.trailers());
    };
    const received = call.request;
    if (Buffer.isBuffer(received)) {
      answerInThread(threads, method, context, received).then(
        (bytes) => callback(null, bytes),
        refuse,
      );
      return;
    }
    let response: Promise<Init> | Init;
    try {
      response = handler(received.request, context);
    } catch (error) {
      return refuse(error);
    }
    if (response instanceof Promise) response.then(answer, refuse);
    else answer(response);
  };
}

function unused(): never {
  throw new Error("a server neither serializes requests nor deserializes responses");
}
