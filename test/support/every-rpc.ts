import type { DescMethod } from "@bufbuild/protobuf";
import { ConnectError } from "@connectrpc/connect";
import { ErrorInfoSchema } from "../../src/gen/google/rpc/error_details_pb.js";
import { CatalogService } from "../../src/gen/llmprices/v1/catalog_service_pb.js";
import { PricingService } from "../../src/gen/llmprices/v1/pricing_service_pb.js";
import type { Endpoint } from "./service.js";

/** Every RPC that the contract has. */
export const everyRpc: readonly DescMethod[] = [
  ...PricingService.methods,
  ...CatalogService.methods,
];

/** As in errors and in the log. */
export function nameOf(method: DescMethod): string {
  return `${method.parent.typeName}/${method.name}`;
}

/** Calls any method with one empty message: `ok`, or the refusal as the caller sees it. */
export async function callEmpty(door: Endpoint, method: DescMethod): Promise<unknown> {
  const service = method.parent === PricingService ? door.pricing : door.catalog;
  const call = (service as unknown as Record<string, (request: unknown) => unknown>)[
    method.localName
  ];
  const isStream = method.methodKind !== "unary";
  const answer = call?.(isStream ? once({}) : {});
  if (method.methodKind !== "bidi_streaming") return answer;
  const answers: unknown[] = [];
  for await (const each of answer as AsyncIterable<unknown>) answers.push(each);
  return answers;
}

/** The reason why a call is refused; `ok` when it is not. */
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
