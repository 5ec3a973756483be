import { findLoadCore, type LoadProcess, startLoad } from "../support/load-process.js";
import type { AllocationRun } from "./allocations.js";
import type { AllocationsJob } from "./load-allocations.js";
import type { BatchesJob, BatchesRun } from "./load-batches.js";
import type { SinglesJob, SinglesRun } from "./load-singles.js";

/** The clients of the service, each kind in its own process. */
export type Loads = {
  readonly allocations: LoadProcess<AllocationsJob, AllocationRun[]>;
  readonly batches: LoadProcess<BatchesJob, BatchesRun>;
  readonly singles: LoadProcess<SinglesJob, SinglesRun>;
  /** Whether the clients are pinned to one core, which the service may use as well. */
  readonly arePinned: boolean;
};

/** Starts the clients, passes them to `work`, and stops them. */
export async function withLoads<T>(work: (loads: Loads) => Promise<T>): Promise<T> {
  const core = await findLoadCore();
  const start = <Job extends object, Result>(file: string) =>
    startLoad<Job, Result>(new URL(file, import.meta.url), core);
  const loads: Loads = {
    allocations: start("load-allocations.ts"),
    batches: start("load-batches.ts"),
    singles: start("load-singles.ts"),
    arePinned: core !== undefined,
  };
  try {
    return await work(loads);
  } finally {
    for (const load of [loads.allocations, loads.batches, loads.singles]) load.stop();
  }
}
