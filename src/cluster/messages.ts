import type { Registry } from "prom-client";
import type { Address } from "../config/address.js";
import type { Config } from "../config/config.js";
import type { ThreadConnection } from "../server/threads/thread-messages.js";

/** What prom-client's registry answers of its metrics, and adds up. */
export type WorkerMetrics = Awaited<ReturnType<Registry["getMetricsAsJSON"]>>;

/** What a worker is told. */
export type ToWorker =
  | { readonly type: "start"; readonly config: Config; readonly connection: ThreadConnection }
  /** To be answered with the metrics of now, under the same number. */
  | { readonly type: "count"; readonly number: number }
  | { readonly type: "stop" };

/** What a worker tells. */
export type FromWorker =
  /** It listens to messages: those sent before are lost. */
  | { readonly type: "loaded" }
  | { readonly type: "open"; readonly grpcAddress: Address; readonly httpAddress: Address }
  | { readonly type: "readiness"; readonly whyNot: string | undefined }
  | { readonly type: "counts"; readonly number: number; readonly metrics: WorkerMetrics }
  /** It could not start, and ends. */
  | { readonly type: "failed"; readonly message: string };
