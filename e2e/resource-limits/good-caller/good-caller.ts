import { type LoadProcess, startLoad } from "../../../bench/support/load-process.js";
import type { Address } from "../../../src/config/address.js";

/** A well-behaved caller in its own process: calculations at a steady rate, and some larger calls. */
export type GoodCaller = {
  /**
   * Returns the calls that it started in an interval, once they have all ended. The times are those of
   * `Date.now()`.
   */
  readonly callsBetween: (from: number, to: number) => Promise<CallsSeen>;
  readonly stop: () => void;
};

/** Calls by their durations in milliseconds. */
export type CallsSeen = {
  /** CalculateCharge over gRPC and over Connect JSON. */
  readonly calculations: readonly number[];
  /** Batches, allocations and updates of a price. */
  readonly others: readonly number[];
  /** What failed, and how often. */
  readonly failures: ReadonlyMap<string, number>;
};

/** The first job has the addresses to call. Each later one requests the calls of an interval. */
export type GoodCallerJob =
  | { readonly grpcAddress: Address; readonly httpAddress: Address; readonly token: string }
  | { readonly from: number; readonly to: number };

export async function startGoodCaller(
  grpcAddress: Address,
  httpAddress: Address,
  token: string,
): Promise<GoodCaller> {
  const url = new URL("good-caller-process.ts", import.meta.url);
  const process: LoadProcess<GoodCallerJob, CallsSeen> = startLoad(url, undefined);
  await process.run({ grpcAddress, httpAddress, token });
  return { callsBetween: (from, to) => process.run({ from, to }), stop: process.stop };
}
