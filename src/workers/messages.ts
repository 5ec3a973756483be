import type { Config } from "../config.js";
import type { Address } from "../server/address.js";
import type { ThreadConnection } from "../server/bulk/call.js";

/** What a worker is told. */
export type ToWorker =
  | { readonly type: "start"; readonly config: Config; readonly connection: ThreadConnection }
  | { readonly type: "stop" };

/** What a worker tells. */
export type FromWorker =
  /** It listens to messages: those sent before are lost. */
  | { readonly type: "loaded" }
  | { readonly type: "open"; readonly grpcAddress: Address; readonly httpAddress: Address }
  | { readonly type: "readiness"; readonly whyNot: string | undefined }
  /** It could not start, and ends. */
  | { readonly type: "failed"; readonly message: string };
