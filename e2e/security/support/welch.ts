import { mean, quantile } from "../../../bench/support/statistics.js";

/**
 * Welch's t of two samples of times: how many standard errors their means are apart. The slowest
 * tenth, which depends on the machine, is left out of both, at one bound.
 */
export function welch(first: readonly number[], second: readonly number[]): number {
  const bound = quantile([...first, ...second], 0.9);
  const [a, b] = [first, second].map((times) => momentsOf(times.filter((time) => time <= bound)));
  if (a === undefined || b === undefined) return 0;
  return (a.mean - b.mean) / Math.sqrt(a.variance / a.count + b.variance / b.count);
}

function momentsOf(times: readonly number[]) {
  const middle = mean(times);
  const squares = times.map((time) => (time - middle) ** 2);
  return { mean: middle, variance: mean(squares), count: times.length };
}
