import { once } from "node:events";
import { connect } from "node:http2";
import type { Duplex } from "node:stream";
import * as grpc from "@grpc/grpc-js";
import { createConnectionPair } from "./in-memory-connection.js";
import { findHttp2Servers } from "./private-fields.js";

/** What was seen of a call that grpc-js itself rejected. */
export type GrpcCallSample = {
  readonly isInterceptedAtOnce: boolean;
  readonly isOwnErrorSeen: boolean;
};

/** Makes a call, within the process, whose compression grpc-js does not know and so rejects. */
export async function callGrpcServer(): Promise<{
  readonly grpcServer: grpc.Server;
  readonly grpcCall: GrpcCallSample;
}> {
  let isInStream = false;
  let isInterceptedAtOnce = true;
  let isOwnErrorSeen = false;
  const intercept: grpc.ServerInterceptor = (_, call) => {
    isInterceptedAtOnce = isInStream;
    const send = call.sendStatus;
    call.sendStatus = (status) => {
      isOwnErrorSeen = true;
      send.call(call, status);
    };
    return call as grpc.ServerInterceptingCall;
  };
  const grpcServer = new grpc.Server({
    ...{ "grpc.enable_channelz": 0, interceptors: [intercept] },
  });
  grpcServer.addService({ Call: method }, { Call: () => {} });
  const injector = grpcServer.createConnectionInjector(grpc.ServerCredentials.createInsecure());
  // Where there is none, that is what is missing.
  const [http2] = findHttp2Servers(grpcServer) ?? [];
  const enter = () => {
    isInStream = true;
  };
  const leave = () => {
    isInStream = false;
  };
  http2?.prependListener("stream", enter).on("stream", leave);
  await callThrough((connection) => injector.injectConnection(connection));
  http2?.off("stream", enter).off("stream", leave);
  isInterceptedAtOnce ||= http2 === undefined;
  return { grpcServer, grpcCall: { isInterceptedAtOnce, isOwnErrorSeen } };
}

const same = (bytes: Buffer) => bytes;
const method: grpc.MethodDefinition<Buffer, Buffer> = {
  ...{ path: "/sample/Call", requestStream: false, responseStream: false },
  ...{ requestSerialize: same, requestDeserialize: same },
  ...{ responseSerialize: same, responseDeserialize: same },
};

async function callThrough(inject: (connection: Duplex) => void) {
  const [here, there] = createConnectionPair();
  inject(there);
  const session = connect("http://sample", { createConnection: () => here });
  const call = session.request({
    ...{ ":method": "POST", ":path": method.path, te: "trailers" },
    ...{ "content-type": "application/grpc", "grpc-encoding": "none-that-is-known" },
  });
  // One message of no bytes, whose first byte says that it is compressed.
  call.end(Buffer.from([1, 0, 0, 0, 0]));
  call.resume();
  // Whatever is answered: what counts is what our interceptor has seen.
  call.on("error", () => {});
  session.on("error", () => {});
  const timer = setTimeout(() => session.destroy(), answerLimitMs);
  await once(call, "close");
  clearTimeout(timer);
  session.destroy();
}

const answerLimitMs = 10_000;
