import { create, toBinary, toJsonString } from "@bufbuild/protobuf";
import {
  CalculateChargeRequestSchema,
  CalculateChargeResponseSchema,
} from "../../src/gen/llmprices/v1/pricing_service_pb.js";

/** The method that every contender serves. */
export const path = "/llmprices.v1.PricingService/CalculateCharge";

const message = create(CalculateChargeRequestSchema, {
  chargeType: "completion",
  provider: "anthropic",
  model: "claude-sonnet-4-5",
  providerCost: "1000.00",
  usageRatio: { case: "accountUsageRatio", value: "0.25" },
});

/** The request of every call. Its key has an example price. */
export const request = Buffer.from(toBinary(CalculateChargeRequestSchema, message));
export const jsonRequest = toJsonString(CalculateChargeRequestSchema, message);

/** The fields of a constant response that is as large as the calculated response. */
export const constantFields = {
  accountCharge: "312.8125",
  markup: "1.25125",
  exact: true,
  asOf: { seconds: 1_795_629_457n, nanos: 801_000_000 },
  appliedPrice: {
    llmPriceId: "03f36b3c-4ad8-4e4f-9f5c-3f93bbde20af",
    effectiveFrom: { seconds: 1_767_225_600n, nanos: 0 },
    bookVersion: 1n,
  },
};

/** Returns the response of a handler that calculates nothing. */
export function constantResponse() {
  return create(CalculateChargeResponseSchema, constantFields);
}
