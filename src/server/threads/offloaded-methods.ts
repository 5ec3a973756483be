import type { DescMethod } from "@bufbuild/protobuf";
import { PricingService } from "../../gen/llmprices/v1/pricing_service_pb.js";
import { RateService } from "../../gen/llmprices/v1/rate_service_pb.js";
import { rpcName } from "../calls/call-log.js";

/**
 * A larger message is parsed in a worker thread, whatever its method. Valid messages of the other
 * methods are smaller. 64 KiB of the worst content take about 15 ms to parse.
 */
export const largeMessageBytes = 64 * 1024;

const {
  batchCalculateCharges,
  allocateCharges,
  streamAllocateCharges,
  importLLMPrices,
  batchUpsertLLMPrices,
  repriceCharges,
} = PricingService.method;

/**
 * The methods whose calls run in worker threads. Parsing one of their messages can take hundreds of
 * milliseconds, during which the main thread could not handle other calls.
 */
export const offloadedMethods: readonly DescMethod[] = [
  batchCalculateCharges,
  allocateCharges,
  streamAllocateCharges,
  importLLMPrices,
  batchUpsertLLMPrices,
  repriceCharges,
  RateService.method.batchRateUsage,
  RateService.method.importRateCards,
];

export function isOffloaded(method: DescMethod): boolean {
  return offloadedMethods.includes(method);
}

/** Returns a method's path as in URLs: `/llmprices.v1.PricingService/AllocateCharges`. */
export function pathOf(method: DescMethod): string {
  return `/${rpcName(method)}`;
}
