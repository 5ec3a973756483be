import type { DescMethod } from "@bufbuild/protobuf";
import { PricingService } from "../../gen/llmprices/v1/pricing_service_pb.js";

const { batchCalculateCharges, allocateCharges, streamAllocateCharges } = PricingService.method;

/**
 * The methods whose calls are served in threads. Their messages may be so large that reading a
 * single one takes hundreds of milliseconds, in which no other call would be answered.
 */
export const bulkMethods: readonly DescMethod[] = [
  batchCalculateCharges,
  allocateCharges,
  streamAllocateCharges,
];

export function isBulk(method: DescMethod): boolean {
  return bulkMethods.includes(method);
}

/** As in URLs: `/llmprices.v1.PricingService/AllocateCharges`. */
export function pathOf(method: DescMethod): string {
  return `/${method.parent.typeName}/${method.name}`;
}
