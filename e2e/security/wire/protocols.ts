import type { DescMethod } from "@bufbuild/protobuf";
import { toFrame } from "../../../src/server/connect/error-response.js";
import type { Target } from "../support/target.js";
import type { Wire } from "./exchange.js";
import { openHttp1 } from "./http1.js";
import { openHttp2 } from "./http2.js";

/** A protocol and encoding with which a method is called. */
export type Protocol = {
  readonly name: string;
  readonly speaks: "gRPC" | "gRPC-Web" | "Connect";
  readonly encoding: "proto" | "json";
  readonly listener: "grpc" | "http";
  readonly open: (target: Target) => Wire;
};

const overHttp1 = (target: Target) => openHttp1(target.http);
const overHttp2 = (target: Target) => openHttp2(target.http);

export const protocols: readonly Protocol[] = [
  {
    name: "gRPC",
    ...{ speaks: "gRPC", encoding: "proto", listener: "grpc" },
    open: (target) => openHttp2(target.grpc),
  },
  {
    name: "gRPC through HTTP_ADDR",
    ...{ speaks: "gRPC", encoding: "proto", listener: "http", open: overHttp2 },
  },
  { name: "gRPC-Web", speaks: "gRPC-Web", encoding: "proto", listener: "http", open: overHttp1 },
  {
    name: "gRPC-Web JSON",
    speaks: "gRPC-Web",
    encoding: "json",
    listener: "http",
    open: overHttp1,
  },
  { name: "Connect", speaks: "Connect", encoding: "proto", listener: "http", open: overHttp1 },
  { name: "Connect JSON", speaks: "Connect", encoding: "json", listener: "http", open: overHttp1 },
  {
    name: "Connect JSON, HTTP/2",
    ...{ speaks: "Connect", encoding: "json", listener: "http", open: overHttp2 },
  },
];

/** Returns whether messages are framed with their length. */
export function isFramed({ speaks }: Protocol, method: Pick<DescMethod, "methodKind">): boolean {
  return speaks !== "Connect" || method.methodKind !== "unary";
}

/** Returns the headers of a valid call. */
export function headersOf(
  protocol: Protocol,
  method: Pick<DescMethod, "methodKind">,
): Record<string, string> {
  const { speaks, encoding } = protocol;
  if (speaks === "gRPC") {
    return { "content-type": `application/grpc+${encoding}`, te: "trailers" };
  }
  if (speaks === "gRPC-Web") return { "content-type": `application/grpc-web+${encoding}` };
  const type = isFramed(protocol, method) ? `connect+${encoding}` : encoding;
  return { "content-type": `application/${type}` };
}

/** The deadline of a call that does not end before it. */
export const shortDeadline = { "grpc-timeout": "300m", "connect-timeout-ms": "300" } as const;

/** Returns the body of a valid call. */
export function bodyOf(
  protocol: Protocol,
  method: Pick<DescMethod, "methodKind">,
  message: Uint8Array,
): Buffer {
  return Buffer.from(isFramed(protocol, method) ? toFrame(0, message) : message);
}
