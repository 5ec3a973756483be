import { FairQueue } from "../../async/fair-queue.js";
import { tooManyCalls } from "../../domain/domain-error.js";
import { PricingService } from "../../gen/llmprices/v1/pricing_service_pb.js";
import { RateService } from "../../gen/llmprices/v1/rate_service_pb.js";
import { rpcName } from "../calls/call-log.js";
import type { CallPlace, CallPlaces } from "../calls/call-places.js";

/** Limits the calls that run in worker threads, and lets their callers take turns. */
export type OffloadedPlaces = {
  /**
   * Waits for a place.
   *
   * @throws DomainError TOO_MANY_CALLS at once when too many calls wait, or the signal's reason.
   */
  readonly enter: (rpc: string, caller: string, signal: AbortSignal) => Promise<CallPlace>;
  readonly stats: () => {
    /** Calls that run, or wait for a place. */
    readonly open: number;
    readonly maxOpen: number;
    /** Calls rejected because of that maximum. */
    readonly rejected: number;
  };
};

/**
 * Creates the places of `threads` threads. Each thread runs four calls at a time, and two imports, each
 * of which keeps one of the thread's database connections. Up to 60 and 14 more wait. A call that waits
 * for its client or for the price book leaves its place meanwhile, unless it is an import.
 */
export function createOffloadedPlaces(threads: number, callPlaces: CallPlaces): OffloadedPlaces {
  const calls = new FairQueue(4 * threads, 60 * threads);
  const imports = new FairQueue(2 * threads, 14 * threads);
  let rejected = 0;
  return {
    stats: () => ({
      open: calls.size + imports.size,
      maxOpen: calls.maxSize + imports.maxSize,
      rejected,
    }),
    enter: async (rpc, caller, signal) => {
      const isImport = importRpcs.has(rpc);
      const queue = isImport ? imports : calls;
      if (!queue.accepts(caller)) {
        rejected += 1;
        const which = isImport ? "that imports" : "that is large";
        throw tooManyCalls(which, "BULK_THREADS", queue.maxSize, queue.sizeOf(caller));
      }
      const place = callPlaces.enter(caller);
      try {
        await queue.enter(caller, signal);
      } catch (error) {
        place.leave();
        throw error;
      }
      const leave = () => {
        queue.leave(caller);
        place.leave();
      };
      return isImport ? toLastingPlace(leave) : new OffloadedPlace(queue, caller, place, signal);
    },
  };
}

/** The methods that receive their messages in a transaction. */
const importRpcs: ReadonlySet<string> = new Set(
  [PricingService.method.importLLMPrices, RateService.method.importRateCards].map(rpcName),
);

/** Returns a place that is not paused. */
function toLastingPlace(leave: () => void): CallPlace {
  return { pause: () => {}, resume: () => {}, leave };
}

class OffloadedPlace implements CallPlace {
  readonly #queue: FairQueue;
  readonly #caller: string;
  readonly #place: CallPlace;
  readonly #signal: AbortSignal;
  #state: "running" | "paused" | "ended" = "running";

  constructor(queue: FairQueue, caller: string, place: CallPlace, signal: AbortSignal) {
    this.#queue = queue;
    this.#caller = caller;
    this.#place = place;
    this.#signal = signal;
  }

  pause(): void {
    if (this.#state !== "running") return;
    this.#state = "paused";
    this.#place.pause();
    this.#queue.leave(this.#caller);
  }

  async resume(): Promise<void> {
    if (this.#state !== "paused") return;
    await this.#queue.resume(this.#caller, this.#signal);
    if (this.#hasEnded()) return this.#queue.leave(this.#caller);
    this.#state = "running";
    await this.#place.resume();
  }

  leave(): void {
    if (this.#state === "running") this.#queue.leave(this.#caller);
    this.#state = "ended";
    this.#place.leave();
  }

  /** The call may end while it waits for a place. */
  #hasEnded(): boolean {
    return this.#state === "ended";
  }
}
