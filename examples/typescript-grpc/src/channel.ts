// region channel
import type { ChannelOptions, ServiceError } from "@grpc/grpc-js";

const serviceConfig = {
  loadBalancingConfig: [{ round_robin: {} }],
  methodConfig: [
    {
      name: [
        { service: "llmprices.v1.PricingService" },
        { service: "llmprices.v1.CatalogService" },
      ],
      timeout: "10s",
      retryPolicy: {
        maxAttempts: 4,
        initialBackoff: "0.1s",
        maxBackoff: "2s",
        backoffMultiplier: 2,
        retryableStatusCodes: ["UNAVAILABLE"],
      },
    },
    {
      name: [
        { service: "llmprices.v1.PricingService", method: "StreamAllocateCharges" },
        { service: "llmprices.v1.PricingService", method: "ImportLLMPrices" },
      ],
      timeout: "600s",
    },
  ],
};

/** Clients with the same address, credentials and options share one channel. */
export const channelOptions: ChannelOptions = {
  "grpc.service_config": JSON.stringify(serviceConfig),
  "grpc.keepalive_time_ms": 60_000,
  "grpc.keepalive_timeout_ms": 20_000,
};

/** The answer of a call that takes a callback. */
export function answerOf<T>(
  call: (done: (error: ServiceError | null, answer?: T) => void) => unknown,
): Promise<T> {
  return new Promise((resolve, reject) => {
    call((error, answer) => (error ? reject(error) : resolve(answer as T)));
  });
}
// endregion
