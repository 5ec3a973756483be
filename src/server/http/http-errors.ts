import type { DescMethod } from "@bufbuild/protobuf";
import type { ConnectError } from "@connectrpc/connect";
import type { UniversalHandler, UniversalServerResponse } from "@connectrpc/connect/protocol";
import type { DomainError } from "../../domain/domain-error.js";
import { rpcName } from "../calls/call-log.js";
import { toErrorResponse } from "../connect/error-response.js";
import { quote, unsupported, wrongType } from "../connect/unknown-method.js";

/** An HTTP status, header and error for a request that is rejected before a protocol reads it. */
export type HttpError = {
  readonly status: number;
  /** Lists the supported methods or content types. */
  readonly header: readonly [name: string, value: string];
  readonly error: DomainError;
};

/** Returns why the HTTP method or content type is unsupported: Connect would send a bare status. */
export function unsupportedReason(
  { method, allowedMethods, supportedContentType }: Handler,
  httpMethod: string,
  type: string,
  url: string,
): HttpError | undefined {
  // Connect also accepts GET for streams without side effects, but finds no message in it.
  const allowed = method.methodKind === "unary" ? [...allowedMethods].sort() : ["POST"];
  if (!allowed.includes(httpMethod)) {
    const expected = allowed.join(", ");
    const what = `${quote(httpMethod)} is not a method of HTTP that ${rpcName(method)} takes`;
    const error = unsupported(`${what}; expected ${expected}`);
    return { status: 405, header: ["allow", expected], error };
  }
  // Connect takes this type for gRPC-Web and then sends a bare status.
  const isText = type.startsWith("application/grpc-web-text");
  const isSupported = isText
    ? false
    : httpMethod === "GET"
      ? type === "" || (supportedContentType(type) && !grpcType.test(type))
      : supportedContentType(type);
  const expected = contentTypes.filter((each) => supportedContentType(each));
  const acceptPost = ["accept-post", expected.join(", ")] as const;
  if (isSupported) {
    if (httpMethod !== "GET" || encodings.test(url)) return undefined;
    return { status: 415, header: acceptPost, error: queryNeeded };
  }
  const isStream = method.methodKind !== "unary" && unaryType.test(type);
  const error = isStream ? streamNeeded(method, type, expected) : wrongType(type, expected);
  return { status: 415, header: acceptPost, error };
}

/** The error of a GET request that does not say how its message is encoded. */
const queryNeeded = unsupported(
  "a GET request has its message in the query; send POST with JSON, or GET with a query like " +
    "?encoding=json&message=%7B%7D",
);
const encodings = /[?&]encoding=(?:json|proto)(?:&|$)/;

/** Returns the error of a stream that was called as if it were unary. */
function streamNeeded(method: DescMethod, type: string, expected: readonly string[]): DomainError {
  const unary = unaryAlternatives[method.name];
  return unsupported(
    `${method.name} is a stream, which ${quote(type)} cannot carry; expected ${expected.join(", ")}. In ` +
      "application/connect+json each message comes after 5 bytes: one of flags (0) and four of its length " +
      `(big-endian)${unary === undefined ? "" : `; ${unary} does the same in one message`}`,
  );
}

const unaryType = /^application\/(?:json|proto)(?:;|$)/;
const unaryAlternatives: Readonly<Record<string, string>> = {
  ImportLLMPrices: "BatchUpsertLLMPrices",
  StreamAllocateCharges: "AllocateCharges",
  WatchLLMPriceChanges: "ListLLMPriceChanges",
};

type Handler = Pick<UniversalHandler, "method" | "allowedMethods" | "supportedContentType">;

/** Returns an HTTP status with the error body of a unary Connect call, for any content type. */
export function toPlainResponse(
  { status, header }: Pick<HttpError, "status"> & Partial<HttpError>,
  failure: ConnectError,
): UniversalServerResponse {
  const response = toErrorResponse(new Headers(), failure);
  if (header !== undefined) response.header?.set(...header);
  return { ...response, status };
}

/** Returns the response for an unknown path: 404, or the own status of a protocol that has one. */
export function toNotFound(type: string, failure: ConnectError): UniversalServerResponse {
  if (!ownStatusType.test(type)) return toPlainResponse({ status: 404 }, failure);
  return toErrorResponse(new Headers({ "content-type": type }), failure);
}

const grpcType = /^application\/grpc/;
const ownStatusType = /^application\/(?:connect|grpc|grpc-web)\+(?:json|proto)(?:;|$)/;
const contentTypes: readonly string[] = [
  ...["application/json", "application/proto"],
  ...["application/connect+json", "application/connect+proto"],
  ...["application/grpc", "application/grpc+json", "application/grpc+proto"],
  ...["application/grpc-web", "application/grpc-web+json", "application/grpc-web+proto"],
];
