/**
 * Returns the lead time of a change: how many milliseconds after now it takes effect. The first
 * attempt gets twice the slowest recent duration, so that a slow or busy database does not reject
 * every first attempt. Each further attempt gets twice the lead time of the one before.
 */
export function estimateLeadTime(attempt: number): number {
  const firstMs = Math.max(minLeadTimeMs, reservedCommitMs + 2 * slowestRecentMs);
  return Math.min(Math.ceil(firstMs * 2 ** (attempt - 1)), maxLeadTimeMs);
}

/** Records how long a change took, from the lock of the price book to the commit. */
export function recordCommitDuration(tookMs: number): void {
  slowestRecentMs = Math.max(tookMs, slowestRecentMs * 0.9);
}

/**
 * Returns the lead time of an import with this number of changes, in milliseconds: 1.3 times the
 * recent duration of as many changes, or of the last attempt, which was too late after `tookMs`.
 */
export function estimateImportLeadTime(changes: number, tookMs = 0): number {
  return Math.ceil(1.3 * Math.max(fixedImportMs + changes * msPerChange, fixedImportMs + tookMs));
}

/** Records how long an import took, from the choice of its instant until all rows were written. */
export function recordImportDuration(changes: number, tookMs: number): void {
  // The fixed costs dominate a small import.
  if (changes < 1000) return;
  // Clients wait for the instant: after one pause of the machine they must not wait for long.
  msPerChange = Math.min(maxMsPerChange, (msPerChange + tookMs / changes) / 2);
}

let slowestRecentMs = 0;
let msPerChange = 0.06;

const fixedImportMs = 100;
const maxMsPerChange = 0.2;
const minLeadTimeMs = 16;
/** The part of a lead time that the database reserves for the commit itself. */
const reservedCommitMs = 8;
/** About half of the 2 seconds that the database allows a change to be ahead of the clock. */
const maxLeadTimeMs = 1024;
