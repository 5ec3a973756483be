// region details
import { type ServiceError, status } from "@grpc/grpc-js";
import type { ErrorInfo__Output } from "../gen/google/rpc/ErrorInfo.js";
import type { Status__Output } from "../gen/google/rpc/Status.js";
import { messages } from "./contract.js";

/** Why a call failed. */
export type CallError = {
  readonly code: string;
  /** A reason of the service's closed list, and its metadata. */
  readonly info: ErrorInfo__Output | undefined;
  /** What is wrong with the request's fields, all of it at once. */
  readonly violations: readonly string[];
};

/** Reads the details that come in the trailers of a failed call. */
export function toCallError({ code, metadata }: ServiceError): CallError {
  const [bytes] = metadata.get("grpc-status-details-bin");
  if (bytes === undefined) return { code: status[code], info: undefined, violations: [] };
  return fromStatus(messages.Status.deserialize(bytes as Buffer));
}

/** Reads the status that a batch has in place of a charge. */
export function fromStatus({ code, details }: Status__Output): CallError {
  const find = (type: string) =>
    details.find(({ type_url }) => type_url === `type.googleapis.com/${type}`)?.value;
  const info = find("google.rpc.ErrorInfo");
  const badRequest = find("google.rpc.BadRequest");
  const violations = badRequest ? messages.BadRequest.deserialize(badRequest).fieldViolations : [];
  return {
    code: status[code] ?? String(code),
    info: info && messages.ErrorInfo.deserialize(info),
    violations: violations.map(({ field, description }) => `${field} ${description}`),
  };
}
// endregion

/** Waits for a call that must fail. */
export async function errorOf(answer: Promise<unknown>): Promise<CallError> {
  return answer.then(
    () => {
      throw new Error("expected an error, got a response");
    },
    (error: ServiceError) => toCallError(error),
  );
}

/** The code and reason of an error. */
export function codeAndReason({ code, info }: CallError): readonly [string, string] {
  return [code, info?.reason ?? ""];
}
