import type { ConnectError } from "@connectrpc/connect";
import type { UniversalHandler, UniversalServerResponse } from "@connectrpc/connect/protocol";
import type { DomainError } from "../../domain/domain-error.js";
import { rpcName } from "../calls/call-log.js";
import { toErrorAnswer } from "../connect/error-response.js";
import { quote, unsupported, wrongType } from "../connect/unknown-method.js";

/** Why a request does not come as far as a protocol: a status of HTTP, and what goes with it. */
export type HttpError = {
  readonly status: number;
  /** What would be taken instead. */
  readonly header: readonly [name: string, value: string];
  readonly refusal: DomainError;
};

/** What Connect would refuse with a bare status: a method of HTTP, or a content type. */
export function unsupportedReason(
  { method, allowedMethods, supportedContentType }: Handler,
  httpMethod: string,
  type: string,
): HttpError | undefined {
  // Connect has streams without side effects take GET as well, and finds no message in it.
  const allowed = method.methodKind === "unary" ? [...allowedMethods].sort() : ["POST"];
  if (!allowed.includes(httpMethod)) {
    const expected = allowed.join(", ");
    const what = `${quote(httpMethod)} is not a method of HTTP that ${rpcName(method)} takes`;
    const refusal = unsupported(`${what}; expected ${expected}`);
    return { status: 405, header: ["allow", expected], refusal };
  }
  const isTaken =
    httpMethod === "GET"
      ? type === "" || (supportedContentType(type) && !ofGrpc.test(type))
      : supportedContentType(type);
  if (isTaken) return undefined;
  const expected = contentTypes.filter((each) => supportedContentType(each));
  const refusal = wrongType(type, expected);
  return { status: 415, header: ["accept-post", expected.join(", ")], refusal };
}

type Handler = Pick<UniversalHandler, "method" | "allowedMethods" | "supportedContentType">;

/** A status of HTTP with the error of Connect's protocol for unary calls, whatever was asked for. */
export function toPlainAnswer(
  { status, header }: Pick<HttpError, "status"> & Partial<HttpError>,
  failure: ConnectError,
): UniversalServerResponse {
  const answer = toErrorAnswer(new Headers(), failure);
  if (header !== undefined) answer.header?.set(...header);
  return { ...answer, status };
}

/** The answer where nothing is served: in the protocols that have statuses of their own, by those. */
export function toNotFound(type: string, failure: ConnectError): UniversalServerResponse {
  if (!withOwnStatus.test(type)) return toPlainAnswer({ status: 404 }, failure);
  return toErrorAnswer(new Headers({ "content-type": type }), failure);
}

const ofGrpc = /^application\/grpc/;
const withOwnStatus = /^application\/(?:connect|grpc|grpc-web)\+(?:json|proto)(?:;|$)/;
const contentTypes: readonly string[] = [
  ...["application/json", "application/proto"],
  ...["application/connect+json", "application/connect+proto"],
  ...["application/grpc", "application/grpc+json", "application/grpc+proto"],
  ...["application/grpc-web", "application/grpc-web+json", "application/grpc-web+proto"],
];
