import { once } from "node:events";
import { connect } from "node:http2";
import type { Duplex } from "node:stream";
import * as grpc from "@grpc/grpc-js";
import { createConnectionPair } from "./in-memory-connection.js";
import { findHttp2Servers } from "./private-fields.js";

/** What our interceptor observed of a call that grpc-js itself rejected. */
export type GrpcCallSample = {
  /** True if the interceptor was created while the `stream` event was handled. */
  readonly isInterceptedSynchronously: boolean;
  /** True if the error of grpc-js went through `sendStatus`. */
  readonly isOwnErrorIntercepted: boolean;
};

/** Makes a call within the process. grpc-js rejects it because its compression is unknown. */
export async function callGrpcServer(): Promise<{
  readonly grpcServer: grpc.Server;
  readonly grpcCall: GrpcCallSample;
}> {
  let isInStream = false;
  let isInterceptedSynchronously = true;
  let isOwnErrorIntercepted = false;
  const intercept: grpc.ServerInterceptor = (_, call) => {
    isInterceptedSynchronously = isInStream;
    const send = call.sendStatus;
    call.sendStatus = (status) => {
      isOwnErrorIntercepted = true;
      send.call(call, status);
    };
    return call as grpc.ServerInterceptingCall;
  };
  const grpcServer = new grpc.Server({
    ...{ "grpc.enable_channelz": 0, interceptors: [intercept] },
  });
  grpcServer.addService({ Call: method }, { Call: () => {} });
  const injector = grpcServer.createConnectionInjector(grpc.ServerCredentials.createInsecure());
  // If it is undefined, the probe of `http2Servers` reports it.
  const [http2] = findHttp2Servers(grpcServer) ?? [];
  const beginStream = () => {
    isInStream = true;
  };
  const endStream = () => {
    isInStream = false;
  };
  http2?.prependListener("stream", beginStream).on("stream", endStream);
  await callThrough((connection) => injector.injectConnection(connection));
  http2?.off("stream", beginStream).off("stream", endStream);
  isInterceptedSynchronously ||= http2 === undefined;
  return { grpcServer, grpcCall: { isInterceptedSynchronously, isOwnErrorIntercepted } };
}

const same = (bytes: Buffer) => bytes;
const method: grpc.MethodDefinition<Buffer, Buffer> = {
  ...{ path: "/sample/Call", requestStream: false, responseStream: false },
  ...{ requestSerialize: same, requestDeserialize: same },
  ...{ responseSerialize: same, responseDeserialize: same },
};

async function callThrough(inject: (connection: Duplex) => void) {
  const [clientEnd, serverEnd] = createConnectionPair();
  inject(serverEnd);
  const session = connect("http://sample", { createConnection: () => clientEnd });
  const call = session.request({
    ...{ ":method": "POST", ":path": method.path, te: "trailers" },
    ...{ "content-type": "application/grpc", "grpc-encoding": "none-that-is-known" },
  });
  // One empty message. The first byte is the flag for compression.
  call.end(Buffer.from([1, 0, 0, 0, 0]));
  call.resume();
  // The response does not matter, only what our interceptor has observed.
  call.on("error", () => {});
  session.on("error", () => {});
  const timer = setTimeout(() => session.destroy(), callTimeoutMs);
  await once(call, "close");
  clearTimeout(timer);
  session.destroy();
}

const callTimeoutMs = 10_000;
