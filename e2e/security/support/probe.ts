import { type LoadProcess, startLoad } from "../../../bench/support/load-process.js";
import type { Target } from "./target.js";

/** A well-behaved caller beside the attacks, in a process of its own, over gRPC and over Connect. */
export type Probe = {
  /** What it has seen since it was asked last. */
  readonly report: () => Promise<ProbeReport>;
  readonly stop: () => void;
};

export type ProbeReport = {
  readonly calls: number;
  readonly worstMs: number;
  /** Each answer that was wrong, or missing after many seconds. */
  readonly problems: readonly string[];
};

/** The first job says whom to call; all that follow ask what was seen. */
export type ProbeJob = {
  readonly grpcPort: number;
  readonly httpPort: number;
  readonly token: string | undefined;
};

export async function startProbe(
  { grpc, http }: Target,
  token: string | undefined,
): Promise<Probe> {
  const url = new URL("probe-process.ts", import.meta.url);
  const process: LoadProcess<ProbeJob, ProbeReport> = startLoad(url, undefined);
  const job = { grpcPort: grpc.port, httpPort: http.port, token };
  await process.run(job);
  return { report: () => process.run(job), stop: process.stop };
}
