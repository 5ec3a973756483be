// region details
import { Code, ConnectError } from "@connectrpc/connect";
import { BadRequestSchema, ErrorInfoSchema } from "../gen/google/rpc/error_details_pb.js";

/** Why a call failed, with a reason of the service's closed list, and its metadata. */
export function infoOf(error: ConnectError) {
  return error.findDetails(ErrorInfoSchema)[0];
}

/** What is wrong with the request's fields, all of it at once. */
export function violationsOf(error: ConnectError): readonly string[] {
  return error
    .findDetails(BadRequestSchema)
    .flatMap(({ fieldViolations }) => fieldViolations)
    .map(({ field, description }) => `${field} ${description}`);
}

/** Waits for a call that must fail. */
export async function errorOf(answer: Promise<unknown>): Promise<ConnectError> {
  return answer.then(
    () => {
      throw new Error("expected an error, got a response");
    },
    (error) => ConnectError.from(error),
  );
}
// endregion

/** The code and reason of an error. */
export function codeAndReason(error: ConnectError): readonly string[] {
  return [nameOf(error.code), infoOf(error)?.reason ?? ""];
}

/** A code as the protocol has it: NOT_FOUND. */
export function nameOf(code: Code): string {
  return (Code[code] ?? "").replace(/(?<=[a-z])(?=[A-Z])/g, "_").toUpperCase();
}
