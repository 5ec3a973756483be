import type { Registry } from "prom-client";
import type { Address } from "../config/address.js";
import type { Config } from "../config/config.js";
import type { ThreadConnection } from "../server/threads/thread-messages.js";

/** The metrics of one worker, in the JSON of prom-client, which can aggregate them. */
export type WorkerMetrics = Awaited<ReturnType<Registry["getMetricsAsJSON"]>>;

/** Messages from the primary to a worker. */
export type ToWorker =
  | { readonly type: "start"; readonly config: Config; readonly connection: ThreadConnection }
  /** Asks for the current metrics. The worker replies with the same number. */
  | { readonly type: "collect-metrics"; readonly number: number }
  | { readonly type: "stop" }
  /** No worker accepts connections any more. */
  | { readonly type: "drain" };

/** Messages from a worker to the primary. */
export type FromWorker =
  /** The worker receives messages from now on. Earlier ones are lost. */
  | { readonly type: "loaded" }
  | { readonly type: "open"; readonly grpcAddress: Address; readonly httpAddress: Address }
  | {
      readonly type: "readiness";
      readonly notReadyReason: string | undefined;
      readonly warning: string | undefined;
    }
  /** The worker accepts no more connections, and waits for `drain`. */
  | { readonly type: "stopped-accepting" }
  | { readonly type: "metrics"; readonly number: number; readonly metrics: WorkerMetrics }
  /** The worker could not start, and exits. */
  | { readonly type: "failed"; readonly message: string };
