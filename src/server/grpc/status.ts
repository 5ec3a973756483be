import { toBinary } from "@bufbuild/protobuf";
import { Code, type ConnectError } from "@connectrpc/connect";
import type * as grpc from "@grpc/grpc-js";
import { StatusSchema } from "../../gen/google/rpc/status_pb.js";
import { toConnectError, toStatusMessage } from "../../rpc/errors/to-connect-error.js";
import { toMetadata } from "./metadata.js";

/** A status that grpc-js can send. Some of its fields are optional. */
export type SentStatus = Parameters<grpc.ServerInterceptingCall["sendStatus"]>[0];

/** Returns the status of a failed call. Its details go into a trailer of their own. */
export function toStatus(error: ConnectError): grpc.StatusObject {
  const metadata = toMetadata(error.metadata);
  if (error.details.length > 0) {
    const status = toBinary(StatusSchema, toStatusMessage(error));
    metadata.set("grpc-status-details-bin", Buffer.from(status));
  }
  return { code: error.code as number, details: error.rawMessage, metadata };
}

/** Returns the status of any thrown value. Never throws: returns INTERNAL if encoding fails. */
export function statusOf(error: unknown): SentStatus {
  try {
    return isStatus(error) ? error : toStatus(toConnectError(error));
  } catch {
    return { code: Code.Internal as number, details: "internal error" };
  }
}

/** Returns whether a thrown value is a gRPC status already. */
export function isStatus(error: unknown): error is grpc.StatusObject {
  return (
    !(error instanceof Error) && typeof error === "object" && error !== null && "code" in error
  );
}
