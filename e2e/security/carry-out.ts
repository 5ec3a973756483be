import { type Attack, createCounter } from "./attack.js";
import type { Result } from "./results.js";
import { changesBetween, readBookState } from "./support/book-state.js";
import type { Probe, ProbeReport } from "./support/probe.js";
import { createRandom } from "./support/random.js";
import type { Target } from "./support/target.js";
import { readSettledVitals, readVitals, type Vitals, whatIsLeft } from "./support/vitals.js";

/**
 * Runs an attack in two rounds, and checks the service during and after them. Memory that has grown in
 * the second round must not grow again in a third: a leak would, and a garbage collection that has not
 * come yet would not.
 */
export async function carryOut(
  attack: Attack,
  target: Target,
  probe: Probe,
  seed: number,
): Promise<Result> {
  const startedAt = performance.now();
  const counter = createCounter();
  const logBefore = (await target.log()).length;
  const before = await readBookState(target.knex);
  await probe.report();
  const start = await readVitals(target);
  const round = async (number: number) => {
    await attack.run(target, counter, createRandom(2 * seed + number), number);
    return readSettledVitals(target, start, settlingMs);
  };
  const rounds = [await round(0), await round(1)] as const;
  const vitals =
    whatGrew(rounds).length === 0
      ? ([start, ...rounds] as const)
      : ([start, rounds[1], await round(2)] as const);
  const seen = await probe.report();
  const changes =
    attack.writes === "some" ? [] : changesBetween(before, await readBookState(target.knex));
  return {
    name: attack.name,
    seconds: (performance.now() - startedAt) / 1000,
    counts: counter.counts(),
    probe: seen,
    vitals,
    broken: [
      ...changes,
      ...whatProbeSaw(seen),
      ...[whatIsLeft(vitals[2], start) ?? []].flat(),
      ...whatGrew([vitals[1], vitals[2]]),
      ...errorsIn((await target.log()).slice(logBefore)),
    ],
  };
}

function whatProbeSaw({ calls, problems }: ProbeReport): readonly string[] {
  if (calls === 0) return ["no caller beside the attack was answered"];
  return problems.map((problem) => `a caller beside the attack got ${problem}`);
}

/** Returns memory that grows from one round to the next. The first round fills caches. */
function whatGrew([first, second]: readonly [Vitals, Vitals]): readonly string[] {
  const grown = (what: "heapBytes" | "residentBytes", limitBytes: number) => {
    const bytes = second[what] - first[what];
    return bytes <= limitBytes
      ? []
      : [`${what} grew by ${Math.round(bytes / 1e6)} MB in another round`];
  };
  return [...grown("heapBytes", maxHeapGrowth), ...grown("residentBytes", maxResidentGrowth)];
}

/** Returns what the service logged: errors are bugs, warnings are outages. */
function errorsIn(log: string): readonly string[] {
  const lines = log.split("\n").filter((line) => line !== "");
  if (lines.length === 0) return [];
  return [`the service logged ${lines.length} lines, first ${lines[0]?.slice(0, 1000)}`];
}

/** Longer than the service keeps an inactive connection. */
const settlingMs = 40_000;
const maxHeapGrowth = 10e6;
const maxResidentGrowth = 60e6;
