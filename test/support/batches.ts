import type { MessageInitShape } from "@bufbuild/protobuf";
import { type Code, ConnectError } from "@connectrpc/connect";
import type {
  CalculateChargeRequest,
  CalculateChargeRequestSchema,
  CalculateChargeResponse,
  CalculationResult,
} from "../../src/gen/llmprices/v1/pricing_service_pb.js";
import type { TestKey } from "./prices.js";
import { errorOf, type ReceivedError } from "./received-errors.js";

/** One calculation, in the form of requests. */
export type TestLine = Exclude<
  MessageInitShape<typeof CalculateChargeRequestSchema>,
  CalculateChargeRequest
>;

export function ratio(value: string) {
  return { case: "accountUsageRatio" as const, value };
}

/** Returns a calculation with a cost of 100 and a usage ratio of 1, with the given changes. */
export function lineOf(key: TestKey, changes: TestLine = {}): TestLine {
  return { ...key, providerCost: "100", usageRatio: ratio("1"), ...changes };
}

/** Returns the charge of a result. @throws Error when the result has none. */
export function chargeIn(result: CalculationResult | undefined): CalculateChargeResponse {
  if (result?.result.case === "charge") return result.result.value;
  const status = result?.result.value;
  throw new Error(`expected a charge, got ${status?.code}: ${status?.message}`);
}

/** Returns the error of a result in the form of a call's error, so that a test can compare them. */
export function errorIn(result: CalculationResult | undefined): Promise<ReceivedError> {
  if (result?.result.case !== "error") throw new Error("expected an error, got a charge");
  const { code, message, details } = result.result.value;
  const error = new ConnectError(message, code as Code);
  error.details = details.map(({ typeUrl, value }) => ({
    type: typeUrl.slice(typeUrl.lastIndexOf("/") + 1),
    value,
  }));
  return errorOf(Promise.reject(error));
}
