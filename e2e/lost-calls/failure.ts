import { fromBinary } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
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
    code: nameOf(code),
    text: Buffer.from(text, "hex").toString(),
    status: details === "" ? undefined : fromBinary(StatusSchema, Buffer.from(details, "hex")),
  };
}

/** Returns the name that gRPC has for a numeric code. */
function nameOf(code: string): string {
  const name = Code[Number(code)];
  if (name === undefined) return code;
  return name === "Canceled"
    ? "CANCELLED"
    : name.replace(/(?<=[a-z])(?=[A-Z])/g, "_").toUpperCase();
}
