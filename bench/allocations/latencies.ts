import { setTimeout as sleep } from "node:timers/promises";
import { type LoopDelay, loopDelayDuring } from "../support/loop-delay.js";
import { type BenchedService, startService } from "../support/service.js";
import { batchLines, type JobsDone, repeatAllocations, repeatBatches } from "./big-jobs.js";
import type { SinglesRun } from "./load-singles.js";
import type { Loads } from "./loads.js";
import { toCount } from "./tables.js";

/** The latencies of single calls beside big jobs. */
export type LatencyResult = {
  /** The jobs that the service runs meanwhile. */
  readonly beside: string;
  /** The time of each call, from when it was due to its response. */
  readonly milliseconds: Float64Array;
  readonly loopDelay: LoopDelay;
  /** The duration of each job beside the calls. */
  readonly jobSeconds: readonly number[];
  /** Wrong responses to the calls or to the jobs. */
  readonly problems: readonly string[];
};

export const callsPerSecond = 100;

/** Measures single calls alone, beside allocations to `accounts` accounts, and beside batches. */
export async function measureLatencies(
  folder: string,
  loads: Loads,
  { accounts, callSeconds }: { readonly accounts: number; readonly callSeconds: number },
): Promise<readonly LatencyResult[]> {
  const service = await startService(folder);
  const address = service.grpcAddress;
  const measure = (beside: string, doJobs: (forSeconds: number) => Promise<JobsDone>) =>
    measureBeside(service, loads, callSeconds, beside, doJobs);
  try {
    await loads.singles.run({ address, callsPerSecond, seconds: warmUpSeconds });
    await repeatBatches(loads, address, warmUpSeconds);
    // Encodes the messages before any call is timed.
    await loads.allocations.run({ address, accounts, minTimes: 0, minSeconds: 0 });
    return [
      await measure("nothing", async () => ({ seconds: [], problems: [] })),
      await measure(`allocations to ${toCount(accounts)} accounts`, (forSeconds) =>
        repeatAllocations(loads, address, accounts, forSeconds),
      ),
      await measure(`batches of ${toCount(batchLines)} calculations`, (forSeconds) =>
        repeatBatches(loads, address, forSeconds),
      ),
    ];
  } finally {
    await service.stop();
  }
}

async function measureBeside(
  service: BenchedService,
  { singles }: Loads,
  callSeconds: number,
  beside: string,
  doJobs: (forSeconds: number) => Promise<JobsDone>,
): Promise<LatencyResult> {
  const jobs = doJobs(leadSeconds + callSeconds);
  const runCalls = async () => {
    // A job starts before the first call and ends after the last one.
    await sleep(leadSeconds * 1000);
    return measureCalls(service, () =>
      singles.run({ address: service.grpcAddress, callsPerSecond, seconds: callSeconds }),
    );
  };
  const [{ seconds: jobSeconds, problems }, { run, loopDelay }] = await Promise.all([
    jobs,
    runCalls(),
  ]);
  return {
    ...{ beside, milliseconds: run.milliseconds, loopDelay, jobSeconds },
    problems: run.wrong === 0 ? problems : [...problems, `${run.wrong} wrong responses to calls`],
  };
}

async function measureCalls(
  service: BenchedService,
  call: () => Promise<SinglesRun>,
): Promise<{ readonly run: SinglesRun; readonly loopDelay: LoopDelay }> {
  const running = call();
  const loopDelay = await loopDelayDuring(service, async () => {
    await running;
  });
  return { run: await running, loopDelay };
}

const warmUpSeconds = 2;
const leadSeconds = 1;
