import type { IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";
import { errorToJsonBytes } from "@connectrpc/connect/protocol-connect";
import { setTrailerStatus } from "@connectrpc/connect/protocol-grpc";
import { toConnectError } from "../../rpc/errors/to-connect-error.js";
import { type CallLog, recordRejectedCall, toUnhandledCall } from "../calls/call-log.js";
import { rpcOf, unimplemented, wrongType } from "../connect/unknown-method.js";

/** Whether a request is gRPC, as grpc-js sees it: it answers a bare 415 to all others. */
export function isGrpc(headers: IncomingHttpHeaders): boolean {
  return headers["content-type"]?.startsWith("application/grpc") === true;
}

/** Refuses what is not gRPC, or no method that is served: in our terms, counted and logged. */
export function rejectUnimplemented(
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  observer: CallLog,
): void {
  const path = headers[":path"] ?? "";
  const type = headers["content-type"] ?? "";
  const isOfGrpc = isGrpc(headers);
  const failure = toConnectError(isOfGrpc ? unimplemented(path) : wrongType(type, grpcTypes));
  recordRejectedCall(
    observer,
    toUnhandledCall(rpcOf(path), (name) => headers[name]?.toString()),
    failure,
  );
  // Of a stream that its caller has reset, nobody wants to hear.
  stream.on("error", () => {});
  if (isOfGrpc) {
    const trailers = Object.fromEntries(setTrailerStatus(new Headers(), failure));
    const answer = { ":status": 200, "content-type": "application/grpc+proto", ...trailers };
    stream.respond(answer, { endStream: true });
  } else {
    const answer = { ":status": 415, "content-type": "application/json" };
    const ids = Object.fromEntries(failure.metadata);
    stream.respond({ ...answer, "accept-post": grpcTypes.join(", "), ...ids });
    stream.end(errorToJsonBytes(failure, undefined));
  }
}

const grpcTypes: readonly string[] = ["application/grpc", "application/grpc+proto"];
