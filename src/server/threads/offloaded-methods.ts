import type { DescMethod } from "@bufbuild/protobuf";
import { PricingService } from "../../gen/llmprices/v1/pricing_service_pb.js";
import { rpcName } from "../calls/call-log.js";

/**
 * A message of more bytes is read in a thread, whatever its method. None of a method that is not in
 * bulk needs so many; and 64 KiB of the worst bytes take some 15 ms to read.
 */
export const largeMessageBytes = 64 * 1024;

const { batchCalculateCharges, allocateCharges, streamAllocateCharges, importLLMPrices } =
  PricingService.method;

/**
 * The methods whose calls are served in threads. Their messages may be so large that reading a
 * single one takes hundreds of milliseconds, in which no other call would be answered.
 */
export const offloadedMethods: readonly DescMethod[] = [
  batchCalculateCharges,
  allocateCharges,
  streamAllocateCharges,
  importLLMPrices,
];

export function isOffloaded(method: DescMethod): boolean {
  return offloadedMethods.includes(method);
}

/** As in URLs: `/llmprices.v1.PricingService/AllocateCharges`. */
export function pathOf(method: DescMethod): string {
  return `/${rpcName(method)}`;
}
