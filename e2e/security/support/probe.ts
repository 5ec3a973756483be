import { type LoadProcess, startLoad } from "../../../bench/support/load-process.js";
import type { Target } from "./target.js";

/** A well-behaved client beside the attacks, in its own process, over gRPC and over Connect. */
export type Probe = {
  /** Returns what it saw since the previous report. */
  readonly report: () => Promise<ProbeReport>;
  readonly stop: () => void;
};

export type ProbeReport = {
  readonly calls: number;
  readonly worstMs: number;
  /** Responses that were wrong, or did not come for many seconds. */
  readonly problems: readonly string[];
};

/** The first job has the addresses to call. Each later one requests a report. */
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
