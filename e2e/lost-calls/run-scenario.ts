import { setTimeout as sleep } from "node:timers/promises";
import type { Replica } from "../fault-injection/environment/replica.js";
import type { Caller } from "./caller.js";
import type { Failure } from "./failure.js";
import type { Scenario } from "./scenarios.js";
import { titleOf } from "./stacks.js";

/** The calls of one caller in one scenario. */
export type Outcome = {
  readonly caller: Caller;
  /** How many calls had the right response. */
  readonly right: number;
  /** Calls to which the service sent an error with details. */
  readonly errors: readonly Failure[];
  /** Calls that were not sent, because nothing listened. */
  readonly notSent: readonly Failure[];
  /** All other failures. */
  readonly lost: readonly Failure[];
  /** At most how many connections of the caller have ended. */
  readonly mostEnds: number;
};

/** Between two ends, so that each is that of connections in use. */
const calmMs = 500;
const recoveryMs = 60_000;

/** Lets a scenario happen so many times while all callers call, and stops them. */
export async function runScenario(
  scenario: Scenario,
  replica: Replica,
  callers: readonly Caller[],
  times: number,
): Promise<readonly Outcome[]> {
  try {
    await untilAllCall(callers);
    const startedAt = performance.now();
    for (let i = 0; i < times; i += 1) {
      if (scenario.hasRestarts) await sleep(calmMs);
      await scenario.happen(replica);
      await untilAllCall(callers, await countAll(callers));
    }
    const mostEnds = scenario.mostEnds(times, performance.now() - startedAt);
    const counts = await countAll(callers);
    return callers.map((caller) => {
      const failures = caller.failures();
      const errors = failures.filter(({ status }) => status !== undefined);
      const notSent = scenario.hasRestarts ? failures.filter(isNotSent) : [];
      const lost = failures.filter((each) => !errors.includes(each) && !notSent.includes(each));
      return { ...{ caller, right: counts.get(caller) ?? 0, errors, notSent, lost }, mostEnds };
    });
  } finally {
    await Promise.all(callers.map(({ stop }) => stop()));
  }
}

/** Returns whether nothing listened. Libraries repeat this error for a while before they connect again. */
function isNotSent({ code, text }: Failure): boolean {
  const isExpected = code === "UNAVAILABLE" || code === "exception";
  return isExpected && /connection refused|ECONNREFUSED/i.test(text);
}

/** Waits until each caller has had a right response, or one more than in `before`. */
export async function untilAllCall(
  callers: readonly Caller[],
  before: ReadonlyMap<Caller, number> = new Map(),
): Promise<void> {
  for (const startedAt = performance.now(); ; ) {
    const counts = await countAll(callers);
    const waiting = callers.filter((each) => (counts.get(each) ?? 0) <= (before.get(each) ?? 0));
    if (waiting.length === 0) return;
    if (performance.now() - startedAt > recoveryMs) {
      const names = waiting.map(({ stack }) => titleOf(stack));
      throw new Error(`no response within ${recoveryMs} ms: ${names.join(", ")}`);
    }
    await sleep(50);
  }
}

async function countAll(callers: readonly Caller[]): Promise<ReadonlyMap<Caller, number>> {
  const counts = callers.map(async (each) => [each, await each.countRight()] as const);
  return new Map(await Promise.all(counts));
}
