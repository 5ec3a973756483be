import { Code, ConnectError } from "@connectrpc/connect";
import { ErrorInfoSchema } from "../../../src/gen/google/rpc/error_details_pb.js";

/** Why a call was not answered, as far as its caller can tell. */
export type Failure = {
  /**
   * Unavailable: the service says so, or the connection is lost. Deadline: the time was up. Refused:
   * nothing was done. Broken: what no caller should see.
   */
  readonly kind: "unavailable" | "deadline" | "refused" | "broken";
  /** The service's reason; the code where the service has not answered. */
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
  // Whatever a library makes of a connection that is gone: the service has not answered.
  if (!isOurs || code === Code.Unavailable || code === Code.Canceled) return "unavailable";
  return code === Code.Internal || code === Code.Unknown ? "broken" : "refused";
}
