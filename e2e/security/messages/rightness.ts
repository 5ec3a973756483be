import {
  createRegistry,
  type DescMethod,
  fromBinary,
  fromJson,
  type Message,
} from "@bufbuild/protobuf";
import { BadRequestSchema, ErrorInfoSchema } from "../../../src/gen/google/rpc/error_details_pb.js";
import { RoundingMode } from "../../../src/gen/llmprices/v1/charge_pb.js";
import { LLMPriceSuggestionsSchema } from "../../../src/gen/llmprices/v1/llm_price_pb.js";
import {
  type CalculateChargeRequest,
  type CalculateChargeResponse,
  PricingService,
} from "../../../src/gen/llmprices/v1/pricing_service_pb.js";
import { expectedCharge } from "../../../test/oracle/expected-charge.js";
import type { Mode } from "../../../test/oracle/fractions.js";
import type { Protocol } from "../wire/protocols.js";

/** What is wrong with the messages that answer a request; `request` is undefined if unknown. */
export function whyWrong(
  method: DescMethod,
  encoding: Protocol["encoding"],
  request: Message | undefined,
  messages: readonly Buffer[],
): string | undefined {
  const { methodKind, output } = method;
  const isOne = methodKind === "unary" || methodKind === "client_streaming";
  if (isOne && messages.length !== 1) return `${messages.length} answers to one call`;
  try {
    const answers = messages.map((bytes) => readMessage(output, encoding, bytes));
    if (method !== PricingService.method.calculateCharge || request === undefined) return undefined;
    return whyWrongCharge(request as CalculateChargeRequest, answers[0] as CalculateChargeResponse);
  } catch (error) {
    return `an answer that cannot be read: ${(error as Error).message}`;
  }
}

/** @throws Error when it is none. */
export function readMessage(
  desc: DescMethod["input"],
  encoding: Protocol["encoding"],
  bytes: Buffer,
): Message {
  return encoding === "proto"
    ? fromBinary(desc, bytes)
    : fromJson(desc, JSON.parse(bytes.toString()), { registry });
}

/** By the school arithmetic of the tests' oracle, and the markup and rounding that were applied. */
function whyWrongCharge(
  { providerCost, usageRatio }: CalculateChargeRequest,
  { accountCharge, markup, exact, rounding: applied }: CalculateChargeResponse,
): string | undefined {
  const usage =
    usageRatio.case === "accountUsage"
      ? usageRatio.value
      : { usage: String(usageRatio.value), totalUsage: "1" };
  const rounding = applied && {
    scale: applied.scale ?? 0,
    mode: RoundingMode[applied.mode] as Mode,
  };
  const expected = expectedCharge({ providerCost, markup, ...usage, rounding });
  if (expected.accountCharge === accountCharge && expected.exact === exact) return undefined;
  return `${accountCharge} was charged, expected ${expected.accountCharge}`;
}

const registry = createRegistry(ErrorInfoSchema, BadRequestSchema, LLMPriceSuggestionsSchema);
