import { type ChildProcess, execFile, execFileSync, fork } from "node:child_process";
import { once } from "node:events";
import { availableParallelism } from "node:os";
import { promisify } from "node:util";

/** A process that makes calls. Clients in separate processes share no thread. */
export type LoadProcess<Job, Result> = {
  /**
   * Sends a job to the process and returns its result. Runs one job at a time.
   *
   * @throws Error when the job fails or the process ends.
   */
  readonly run: (job: Job) => Promise<Result>;
  readonly stop: () => void;
};

/** Starts the TypeScript file at `url`, which calls `answerJobs`. Pins it to `core`, if given. */
export function startLoad<Job extends object, Result>(
  url: URL,
  core: number | undefined,
): LoadProcess<Job, Result> {
  const load = fork(url, {
    ...(core !== undefined && { execPath: "taskset" }),
    execArgv: [
      ...(core === undefined ? [] : ["-c", String(core), process.execPath]),
      ...["--import", "tsx"],
    ],
    // Preserves typed arrays.
    serialization: "advanced",
  });
  return {
    run: async (job) => {
      load.send(job);
      const outcome = await nextOutcome<Result>(load);
      if ("problem" in outcome) throw new Error(outcome.problem);
      return outcome.result;
    },
    stop: () => {
      load.kill();
    },
  };
}

/** Runs each job that arrives at this process, and sends back the result. */
export function answerJobs<Job, Result>(work: (job: Job) => Promise<Result>): void {
  // If the suite ends without stopping this process, it must not go on.
  process.on("disconnect", () => process.exit());
  process.on("message", async (job: Job) => {
    const outcome: Outcome<Result> = await work(job).then(
      (result) => ({ result }),
      (error: Error) => ({ problem: error.stack ?? error.message }),
    );
    process.send?.(outcome);
  });
}

/** Pins a process and its threads to one core. */
export function pin(processId: number, core: number): void {
  execFileSync("taskset", ["-a", "-p", "-c", String(core), String(processId)]);
}

/** Returns the last core if there are several and taskset(1) can pin a process to it. */
export async function findLoadCore(): Promise<number | undefined> {
  const core = availableParallelism() - 1;
  if (core === 0) return undefined;
  return promisify(execFile)("taskset", ["-c", String(core), "true"]).then(
    () => core,
    () => undefined,
  );
}

type Outcome<Result> = { readonly result: Result } | { readonly problem: string };

async function nextOutcome<Result>(load: ChildProcess): Promise<Outcome<Result>> {
  const abort = new AbortController();
  const exit = async () => {
    const [code, signal] = await once(load, "exit", abort);
    return { problem: `a load process exited: ${signal ?? `exit code ${code}`}` };
  };
  const response = async () => {
    const [outcome] = await once(load, "message", abort);
    return outcome as Outcome<Result>;
  };
  try {
    return await Promise.race([response(), exit()]);
  } finally {
    abort.abort();
  }
}
