import { Code, ConnectError } from "@connectrpc/connect";
import { ErrorInfoSchema } from "../../src/gen/google/rpc/error_details_pb.js";

/** Why a call failed, from the point of view of its client. */
export type Failure = {
  /**
   * Unavailable: the service says so, or the connection is lost. Deadline: the deadline passed.
   * Rejected: the service did nothing. Broken: an error that no client should ever see.
   */
  readonly kind: "unavailable" | "deadline" | "rejected" | "broken";
  /** The service's reason, or the code if the service did not answer. */
  readonly reason: string;
  readonly message: string;
  readonly metadata: Readonly<Record<string, string>>;
};

export function toFailure(error: unknown): Failure {
  const failure = ConnectError.from(error);
  const [info] = failure.findDetails(ErrorInfoSchema);
  return {
    kind: kindOf(failure.code, info !== undefined),
    reason: info?.reason ?? `lost: ${Code[failure.code]}`,
    message: failure.message,
    metadata: info?.metadata ?? {},
  };
}

function kindOf(code: Code, isOurs: boolean): Failure["kind"] {
  if (code === Code.DeadlineExceeded) return "deadline";
  // Codes that client libraries use for a lost connection.
  if (!isOurs || code === Code.Unavailable || code === Code.Canceled) return "unavailable";
  return code === Code.Internal || code === Code.Unknown ? "broken" : "rejected";
}
