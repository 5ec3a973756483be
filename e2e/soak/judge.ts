import { setTimeout as sleep } from "node:timers/promises";
import type { Checks } from "../../bench/support/checks.js";
import { median } from "../../bench/support/statistics.js";
import type { CallsMade } from "./load.js";
import { growthPerSecond, type Sample } from "./samples.js";

/** The samples of a soak whose load has stopped. */
export type Soak = {
  /** Samples during the load, in order. */
  readonly samples: readonly Sample[];
  readonly calls: CallsMade;
  readonly after: () => Promise<Sample>;
  readonly query: (sql: string) => Promise<readonly Record<string, unknown>[]>;
};

/** Checks that a service is in the same condition at the end of a soak as at its beginning. */
export async function judge({ check }: Checks, soak: Soak): Promise<void> {
  const { samples, calls, query } = soak;
  // A service that has just started compiles, fills its pools, and lets its heap grow.
  const warm = samples.slice(Math.floor(samples.length / 4));
  const [start, end] = [warm[0], warm.at(-1)];
  if (start === undefined || end === undefined) throw new Error("there are no samples");
  const made = [...calls.counts].map(([name, count]) => `${count} ${name}`).join(", ");
  const isComplete = [...calls.counts.values()].every((count) => count > 0);
  const problems = calls.problems.slice(0, 5).join("; ");
  check("every call ends as it has to", isComplete && problems === "", problems || made);

  checkMemory({ check }, "resident memory", warm, ({ residentBytes }) => residentBytes, 24);
  checkMemory({ check }, "the heap after collections", toLowest(warm), (low) => low.heapBytes, 12);

  const half = Math.floor(warm.length / 2);
  const delay = (of: readonly Sample[]) => median(of.map(({ loopDelayMs }) => loopDelayMs));
  const [before, behind] = [delay(warm.slice(0, half)), delay(warm.slice(half))];
  const delays = `${before.toFixed(0)} ms at 99 %, then ${behind.toFixed(0)} ms`;
  check("the event loop does not get slower", behind <= before * 2 + 20, delays);
  const files = `${start.openFiles} at the start, ${end.openFiles} at the end`;
  check("no files or sockets are left open", end.openFiles <= start.openFiles + 10, files);
  const sessions = Math.max(...samples.map(({ databaseSessions }) => databaseSessions));
  check("it has no more sessions than its pools", sessions <= mostSessions, String(sessions));

  const last = await settle(soak);
  check("no call is left at work", last.callsInFlight === 0, String(last.callsInFlight));
  const [book] = await query("select version::int as version from price_book");
  const versions = `${last.bookVersion}, from ${start.bookVersion} on`;
  const isCurrent = last.bookVersion === book?.version && last.bookVersion > start.bookVersion;
  check("its book is the database's", isCurrent, `version ${versions}`);
}

/** Fits a straight line through the values, and describes its slope an hour. */
function checkMemory(
  { check }: Pick<Checks, "check">,
  what: string,
  samples: readonly Sample[],
  bytesOf: (sample: Sample) => number,
  mostMegabytes: number,
): void {
  const [first, last] = [samples[0], samples.at(-1)];
  if (first === undefined || last === undefined) throw new Error("there are no samples");
  const slope = growthPerSecond(samples, bytesOf) / 2 ** 20;
  const grown = slope * (last.seconds - first.seconds);
  const megabytes = (sample: Sample) => `${(bytesOf(sample) / 2 ** 20).toFixed(0)} MiB`;
  check(
    `${what} grows by less than ${mostMegabytes} MiB from the warm-up to the end`,
    grown < mostMegabytes,
    `${megabytes(first)} at the start, ${megabytes(last)} at the end, fitted ` +
      `${grown.toFixed(1)} MiB, which is ${(slope * 3600).toFixed(0)} MiB an hour`,
  );
}

/** Returns, of every few samples, the one with the least heap: the one after a garbage collection. */
function toLowest(samples: readonly Sample[]): readonly Sample[] {
  const groups = Array.from({ length: Math.floor(samples.length / 5) }, (_, i) =>
    samples.slice(i * 5, i * 5 + 5),
  );
  return groups.map((group) =>
    group.reduce((low, each) => (each.heapBytes < low.heapBytes ? each : low)),
  );
}

/** Waits until cancelled calls have ended, and the price book is up to date. */
async function settle({ after, query }: Soak): Promise<Sample> {
  for (let tries = 0; ; tries += 1) {
    const sample = await after();
    const [book] = await query("select version::int as version from price_book");
    const isAtRest = sample.callsInFlight === 0 && sample.bookVersion === book?.version;
    if (isAtRest || tries === 40) return sample;
    await sleep(250);
  }
}

/** Ten of the pool, ten of the worker thread, and one of the database follower. */
const mostSessions = 21;
