import type { Bench } from "../section.js";
import { type LoadProcess, pin, startLoad } from "../support/load-process.js";
import { processorSeconds } from "../support/processor.js";
import { startService } from "../support/service.js";
import type { ContenderJob, ContenderPlace } from "./contender.js";
import { contenders } from "./contenders.js";
import type { CallsJob, CallsRun } from "./load-calls.js";

/** The results of one contender, a value for each round. */
export type CallsResult = {
  readonly name: string;
  readonly microsecondsACall: readonly number[];
  readonly callsASecond: readonly number[];
  readonly problems: readonly string[];
};

type Runner = Omit<CallsJob, "calls"> & { readonly name: string; readonly processId: number };

/** Measures all contenders in turn in each round, so that other load affects all alike. */
export async function measureContenders(
  { folder, connection, url, loadCore, rounds }: Bench,
  load: LoadProcess<CallsJob, CallsRun>,
): Promise<CallsResult[]> {
  const service = await startService(folder, { DATABASE_URL: url });
  if (loadCore !== undefined) pin(service.processId, 0);
  const others = Object.keys(contenders).map((name) => ({
    name,
    process: startContender(loadCore && 0),
  }));
  try {
    const runners: Runner[] = [
      { name: ours, protocol: "gRPC", ...placeOf(service.grpcAddress, service.processId) },
      {
        name: oursJson,
        protocol: "Connect JSON",
        ...placeOf(service.httpAddress, service.processId),
      },
    ];
    for (const { name, process } of others) {
      const place = await process.run({ name, connection } as ContenderJob);
      runners.push({ name, protocol: "gRPC", ...place });
    }
    const results = runners.map(({ name }) => ({
      ...{ name, microsecondsACall: [] as number[], callsASecond: [] as number[] },
      problems: [] as string[],
    }));
    for (let round = 0; round <= rounds; round += 1) {
      for (const [index, runner] of runners.entries()) {
        const { seconds, busySeconds, problem } = await runOnce(load, runner);
        const result = results[index];
        if (problem !== undefined) result?.problems.push(problem);
        // The first round warms up.
        if (round === 0) continue;
        result?.microsecondsACall.push((busySeconds / callsARound) * 1e6);
        result?.callsASecond.push(callsARound / seconds);
      }
    }
    return results;
  } finally {
    for (const { process } of others) process.stop();
    await service.stop();
  }
}

async function runOnce(load: LoadProcess<CallsJob, CallsRun>, runner: Runner) {
  const before = processorSeconds(runner.processId);
  const { protocol, port } = runner;
  const run = await load.run({ protocol, port, calls: callsARound });
  return { ...run, busySeconds: processorSeconds(runner.processId) - before };
}

function startContender(core: number | undefined): LoadProcess<ContenderJob, ContenderPlace> {
  return startLoad(new URL("contender.ts", import.meta.url), core);
}

function placeOf(address: string, processId: number): ContenderPlace {
  return { port: Number(address.split(":").at(-1)), processId };
}

export const ours = "ours, gRPC";
export const oursJson = "ours, Connect JSON";
export const callsARound = 20_000;
