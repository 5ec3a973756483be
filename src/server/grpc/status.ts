import { toBinary } from "@bufbuild/protobuf";
import { Code, type ConnectError } from "@connectrpc/connect";
import type * as grpc from "@grpc/grpc-js";
import { StatusSchema } from "../../gen/google/rpc/status_pb.js";
import { toConnectError, toStatusMessage } from "../../rpc/errors/to-connect-error.js";
import { toMetadata } from "./metadata.js";

/** A status as grpc-js takes it, of which a part may be left out. */
export type SentStatus = Parameters<grpc.ServerInterceptingCall["sendStatus"]>[0];

/** The status of a failed call; its details go into the trailer that gRPC has for them. */
export function toStatus(error: ConnectError): grpc.StatusObject {
  const metadata = toMetadata(error.metadata);
  if (error.details.length > 0) {
    const status = toBinary(StatusSchema, toStatusMessage(error));
    metadata.set("grpc-status-details-bin", Buffer.from(status));
  }
  return { code: error.code as number, details: error.rawMessage, metadata };
}

/** The status of whatever was thrown. Never throws: of what cannot be sent, the code remains. */
export function statusOf(error: unknown): SentStatus {
  try {
    return isStatus(error) ? error : toStatus(toConnectError(error));
  } catch {
    return { code: Code.Internal as number, details: "internal error" };
  }
}

/** Whether an error is a status already. */
export function isStatus(error: unknown): error is grpc.StatusObject {
  return (
    !(error instanceof Error) && typeof error === "object" && error !== null && "code" in error
  );
}
