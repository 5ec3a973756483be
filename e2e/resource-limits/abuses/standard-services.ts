import type { Abuse } from "../abuse.js";
import { repeatStreams } from "../abuser/grpc-calls.js";

/** Streams of the services that libraries implement. */
export const standardServiceAbuses: readonly Abuse[] = [
  {
    name: "standard-services",
    what: "health watches that stay open, and reflection streams with many requests",
    run: (context) =>
      Promise.all([
        repeatStreams(context, calls(600), "/grpc.health.v1.Health/Watch", () => [Buffer.alloc(0)]),
        repeatStreams(context, calls(20), reflection, () =>
          Array.from({ length: 1000 }, () => describeService),
        ),
      ]),
  },
];

function calls(concurrency: number) {
  return { role: "calculate", connections: 4, concurrency } as const;
}

const reflection = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
const symbol = Buffer.from("llmprices.v1.PricingService");
/** ServerReflectionRequest with `file_containing_symbol`, the field 4. */
const describeService = Buffer.concat([Buffer.from([0x22, symbol.length]), symbol]);
