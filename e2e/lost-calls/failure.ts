import { fromBinary } from "@bufbuild/protobuf";
import * as grpc from "@grpc/grpc-js";
import { type Status, StatusSchema } from "../../src/gen/google/rpc/status_pb.js";

/** An error that a caller has received. */
export type Failure = {
  /** The name of its code, such as UNAVAILABLE, or `exception` for an error without a code. */
  readonly code: string;
  readonly text: string;
  /** The status with the details of the service, undefined if the error has none. */
  readonly status: Status | undefined;
};

/** Reads an error from the columns that a caller has printed. */
export function toFailure([code = "", details = "", text = ""]: readonly string[]): Failure {
  return {
    code: grpc.status[Number(code)] ?? code,
    text: Buffer.from(text, "hex").toString(),
    status: details === "" ? undefined : fromBinary(StatusSchema, Buffer.from(details, "hex")),
  };
}
