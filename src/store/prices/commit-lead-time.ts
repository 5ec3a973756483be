/**
 * How far ahead the change of an attempt takes effect, in milliseconds. An attempt gets twice the
 * time of the one before; the first gets twice what changes have taken lately, so that a database
 * that is slow, or busy, need not refuse each change once.
 */
export function estimateLeadTime(attempt: number): number {
  const firstMs = Math.max(minLeadTimeMs, commitMs + 2 * slowestLatelyMs);
  return Math.min(Math.ceil(firstMs * 2 ** (attempt - 1)), maxLeadTimeMs);
}

/** Learns how long a change took from its opening of the book to its commit. */
export function recordCommitDuration(tookMs: number): void {
  slowestLatelyMs = Math.max(tookMs, slowestLatelyMs * 0.9);
}

/**
 * How far ahead an import's changes take effect, for so many of them: somewhat longer than so many took
 * lately, and than the attempt before, which was too late after `tookMs`.
 */
export function estimateImportLeadTime(changes: number, tookMs = 0): number {
  return Math.ceil(1.3 * Math.max(importMs + changes * msPerChange, importMs + tookMs));
}

/** Learns how long an import took from choosing its instant until all was written. */
export function recordImportDuration(changes: number, tookMs: number): void {
  // Of a few changes the fixed costs are the most.
  if (changes < 1000) return;
  // Callers wait for the instant: a machine that has stood still once must not keep them for long.
  msPerChange = Math.min(maxMsPerChange, (msPerChange + tookMs / changes) / 2);
}

let slowestLatelyMs = 0;
let msPerChange = 0.06;

const importMs = 100;
const maxMsPerChange = 0.2;
const minLeadTimeMs = 16;
/** What the database keeps of a lead for the commit itself. */
const commitMs = 8;
/** Half of what the book allows an instant to be ahead. */
const maxLeadTimeMs = 1024;
