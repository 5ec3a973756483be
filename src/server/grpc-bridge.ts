import {
  create,
  type DescMethodUnary,
  type DescService,
  fromBinary,
  type MessageInitShape,
  toBinary,
} from "@bufbuild/protobuf";
import { Code, ConnectError, type ServiceImpl } from "@connectrpc/connect";
import type * as grpc from "@grpc/grpc-js";
import { toBulkDefinition, toBulkHandler } from "./bulk/grpc.js";
import { isBulk } from "./bulk/methods.js";
import type { BulkThreads } from "./bulk/threads.js";
import { GrpcContext } from "./grpc-context.js";
import { toStatus } from "./grpc-status.js";

/**
 * Mounts a Connect service implementation on a grpc-js server: calls of bulk methods go to threads,
 * all others, which are unary, to the implementation.
 */
export function addConnectService<S extends DescService>(
  server: grpc.Server,
  service: S,
  implementation: ServiceImpl<S>,
  threads: BulkThreads,
): void {
  const handlers = implementation as Record<string, Handler>;
  const definitions: Record<string, grpc.MethodDefinition<unknown, unknown>> = {};
  const implementations: grpc.UntypedServiceImplementation = {};
  for (const method of service.methods) {
    if (isBulk(method)) {
      definitions[method.name] = toBulkDefinition(method) as never;
      implementations[method.name] = toBulkHandler(service, method, threads) as never;
    } else {
      const unary = method as DescMethodUnary;
      definitions[method.name] = toDefinition(service, unary) as never;
      const handler = handlers[method.localName] as Handler;
      implementations[method.name] = toGrpcHandler(service, unary, handler) as never;
    }
  }
  server.addService(definitions, implementations);
}

type Init = MessageInitShape<DescMethodUnary["output"]>;
type Handler = (request: unknown, context: GrpcContext) => Promise<Init> | Init;

function toDefinition(
  service: DescService,
  { name, input, output }: DescMethodUnary,
): grpc.MethodDefinition<unknown, Init> {
  return {
    path: `/${service.typeName}/${name}`,
    requestStream: false,
    responseStream: false,
    requestSerialize: () => unused(),
    // grpc-js answers INTERNAL when this throws, but a malformed message is the caller's fault: the
    // handler gets the error in place of the message.
    requestDeserialize: (bytes) => {
      try {
        return fromBinary(input, bytes);
      } catch (error) {
        return new ConnectError(`parse binary: ${(error as Error).message}`, Code.InvalidArgument);
      }
    },
    responseSerialize: (response) => Buffer.from(toBinary(output, create(output, response))),
    responseDeserialize: () => unused(),
  };
}

function toGrpcHandler(
  service: DescService,
  method: DescMethodUnary,
  handler: Handler,
): grpc.handleUnaryCall<unknown, Init> {
  return async (call, callback) => {
    const context = new GrpcContext(service, method, call);
    try {
      if (call.request instanceof ConnectError) throw call.request;
      const response = await handler(call.request, context);
      context.sendHeaders();
      callback(null, response, context.trailers());
    } catch (error) {
      callback(toStatus(ConnectError.from(error)));
    }
  };
}

function unused(): never {
  throw new Error("a server neither serializes requests nor deserializes responses");
}
