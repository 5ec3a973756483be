import type { DescMethod } from "@bufbuild/protobuf";
import { ConnectError } from "@connectrpc/connect";
import { ErrorInfoSchema } from "../../src/gen/google/rpc/error_details_pb.js";
import { CatalogService } from "../../src/gen/llmprices/v1/catalog_service_pb.js";
import { PricingService } from "../../src/gen/llmprices/v1/pricing_service_pb.js";
import { RateService } from "../../src/gen/llmprices/v1/rate_service_pb.js";
import type { Endpoint } from "./service.js";

/** Every RPC of the contract. */
export const everyRpc: readonly DescMethod[] = [
  ...PricingService.methods,
  ...CatalogService.methods,
  ...RateService.methods,
];

/** Returns a method's name as errors and the log show it. */
export function nameOf(method: DescMethod): string {
  return `${method.parent.typeName}/${method.name}`;
}

/** Calls any method with one empty message. Returns the response, or the responses of a stream. */
export async function callEmpty(endpoint: Endpoint, method: DescMethod): Promise<unknown> {
  const { pricing, catalog, rates } = endpoint;
  const services = [pricing, catalog, rates];
  const service =
    services[[PricingService, CatalogService, RateService].indexOf(method.parent as never)];
  const call = (service as unknown as Record<string, (request: unknown) => unknown>)[
    method.localName
  ];
  const kind = method.methodKind;
  const sendsStream = kind === "client_streaming" || kind === "bidi_streaming";
  const response = call?.(sendsStream ? once({}) : {});
  if (kind === "unary" || kind === "client_streaming") return response;
  const responses: unknown[] = [];
  for await (const each of response as AsyncIterable<unknown>) {
    responses.push(each);
    // The stream of a watch does not end.
    if (kind === "server_streaming") break;
  }
  return responses;
}

/** Returns the reason of a call's error, or `ok` for a call that succeeds. */
export async function reasonOf(call: Promise<unknown>): Promise<string | undefined> {
  try {
    await call;
    return "ok";
  } catch (error) {
    return ConnectError.from(error).findDetails(ErrorInfoSchema)[0]?.reason;
  }
}

async function* once<T>(message: T): AsyncGenerator<T> {
  yield message;
}
