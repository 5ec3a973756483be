import {
  create,
  type DescMethodUnary,
  type DescService,
  fromBinary,
  type MessageInitShape,
  toBinary,
} from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, type ServiceImpl } from "@connectrpc/connect";
import * as grpc from "@grpc/grpc-js";
import { StatusSchema } from "../gen/google/rpc/status_pb.js";
import { GrpcContext } from "./grpc-context.js";

/** Mounts a Connect service implementation, whose methods are all unary, on a grpc-js server. */
export function addConnectService<S extends DescService>(
  server: grpc.Server,
  service: S,
  implementation: ServiceImpl<S>,
): void {
  const handlers = implementation as Record<string, Handler>;
  const unary = service.methods as readonly DescMethodUnary[];
  server.addService(
    Object.fromEntries(unary.map((method) => [method.name, toDefinition(service, method)])),
    Object.fromEntries(
      unary.map((method) => [
        method.name,
        toGrpcHandler(service, method, handlers[method.localName] as Handler),
      ]),
    ),
  );
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

/** The status of a failed call; its details go into the trailer that gRPC has for them. */
function toStatus(error: ConnectError): Partial<grpc.StatusObject> {
  const metadata = new grpc.Metadata();
  const details = error.details.flatMap((detail) =>
    "desc" in detail ? [anyPack(detail.desc, create(detail.desc, detail.value))] : [],
  );
  if (details.length > 0) {
    const status = create(StatusSchema, { code: error.code, message: error.rawMessage, details });
    metadata.set("grpc-status-details-bin", Buffer.from(toBinary(StatusSchema, status)));
  }
  return { code: error.code as number, details: error.rawMessage, metadata };
}

function unused(): never {
  throw new Error("a server neither serializes requests nor deserializes responses");
}
