import { bytesEach, growthOf, ofSize } from "./limits.js";
import type { Results } from "./report.js";
import { toCount } from "./tables.js";

/** Finds wrong responses, time that grows faster than the work, and memory beyond its limit. */
export function findProblems(results: Results): readonly string[] {
  const { times, memory, latencies } = results;
  return [
    ...[...times, ...memory].flatMap(({ accounts, problems }) =>
      problems.map((problem) => `${toCount(accounts)} accounts: ${problem}`),
    ),
    ...latencies.flatMap(({ beside, problems }) =>
      problems.map((problem) => `single calls beside ${beside}: ${problem}`),
    ),
    ...findGrowthProblems(results),
    ...findMemoryProblems(results),
  ];
}

function findGrowthProblems(results: Results): readonly string[] {
  const { from, to, times: limit } = results.limits;
  const growth = growthOf(results);
  if (growth <= limit) return [];
  return [
    `${toCount(to)} accounts take ${growth.toFixed(1)} times as long as ${toCount(from)}, ` +
      `at most ${limit} are allowed`,
  ];
}

function findMemoryProblems({ memory, limits }: Results): readonly string[] {
  const { firstBytes, repeatedBytes } = bytesEach(ofSize(memory, limits.to));
  const used = { "in a first allocation": firstBytes, "in several in a row": repeatedBytes };
  return Object.entries(used)
    .filter(([, bytes]) => bytes > limits.bytesPerAccount)
    .map(
      ([when, bytes]) =>
        `${toCount(limits.to)} accounts take ${bytes} bytes each ${when}, ` +
        `at most ${limits.bytesPerAccount} are allowed`,
    );
}
