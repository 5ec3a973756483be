import type { IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";
import { errorToJsonBytes } from "@connectrpc/connect/protocol-connect";
import { setTrailerStatus } from "@connectrpc/connect/protocol-grpc";
import { toConnectError } from "../../rpc/errors/to-connect-error.js";
import { type CallLog, recordRejectedCall, toUnhandledCall } from "../calls/call-log.js";
import { rpcOf, unimplemented, wrongType } from "../connect/unknown-method.js";

/** Returns whether grpc-js accepts a request as gRPC. It answers all others with a bare 415. */
export function isGrpc(headers: IncomingHttpHeaders): boolean {
  return headers["content-type"]?.startsWith("application/grpc") === true;
}

/** Rejects a request that is not gRPC or whose method does not exist. Counts it and logs it. */
export function rejectUnimplemented(
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  callLog: CallLog,
): void {
  const path = headers[":path"] ?? "";
  const type = headers["content-type"] ?? "";
  const isGrpcRequest = isGrpc(headers);
  const failure = toConnectError(isGrpcRequest ? unimplemented(path) : wrongType(type, grpcTypes));
  recordRejectedCall(
    callLog,
    toUnhandledCall(rpcOf(path), (name) => headers[name]?.toString()),
    failure,
  );
  // The client may have reset the stream. That error does not matter.
  stream.on("error", () => {});
  if (isGrpcRequest) {
    const trailers = Object.fromEntries(setTrailerStatus(new Headers(), failure));
    const responseHeaders = {
      ":status": 200,
      "content-type": "application/grpc+proto",
      ...trailers,
    };
    stream.respond(responseHeaders, { endStream: true });
  } else {
    const responseHeaders = { ":status": 415, "content-type": "application/json" };
    const ids = Object.fromEntries(failure.metadata);
    stream.respond({ ...responseHeaders, "accept-post": grpcTypes.join(", "), ...ids });
    stream.end(errorToJsonBytes(failure, undefined));
  }
}

const grpcTypes: readonly string[] = ["application/grpc", "application/grpc+proto"];
