/**
 * How far ahead the change of an attempt takes effect, in milliseconds. An attempt gets twice the
 * time of the one before; the first gets twice what changes have taken lately, so that a database
 * that is slow, or busy, need not refuse each change once.
 */
export function leadOf(attempt: number): number {
  const firstMs = Math.max(minLeadMs, commitMs + 2 * slowestLatelyMs);
  return Math.min(Math.ceil(firstMs * 2 ** (attempt - 1)), maxLeadMs);
}

/** Learns how long a change took from its opening of the book to its commit. */
export function learnLead(tookMs: number): void {
  slowestLatelyMs = Math.max(tookMs, slowestLatelyMs * 0.9);
}

/** How far ahead an import's changes take effect, for so many of them. */
export function importLeadOf(changes: number, attempt: number): number {
  return Math.ceil((importMs + 1.5 * changes * msPerChange) * 2 ** (attempt - 1));
}

/** Learns how long an import took from choosing its instant until all was written. */
export function learnImportLead(changes: number, tookMs: number): void {
  // Of a few changes the fixed costs are the most.
  if (changes >= 1000) msPerChange = tookMs / changes;
}

let slowestLatelyMs = 0;
let msPerChange = 0.05;

const importMs = 100;
const minLeadMs = 16;
/** What the database keeps of a lead for the commit itself. */
const commitMs = 8;
/** Half of what the book allows an instant to be ahead. */
const maxLeadMs = 1024;
