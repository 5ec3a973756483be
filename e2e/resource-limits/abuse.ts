import type { AbusedService } from "./abuser/abuser.js";

/** Something that a caller can do to harm others. */
export type Abuse = {
  /** Its name in the table and on the command line. */
  readonly name: string;
  readonly what: string;
  /** Repeats the abuse until the signal aborts. Closes its connections then. */
  readonly run: (context: AbuseContext) => Promise<unknown>;
};

export type AbuseContext = AbusedService & {
  readonly signal: AbortSignal;
  /** Counts an outcome by its description. */
  readonly count: (outcome: string) => void;
};

/** `MAX_CONNECTIONS` of the abused service. The file limits of a usual shell allow as many. */
export const maxConnections = 2000;

/** Repeats `work` on as many lines of execution as `concurrency` says, until the signal aborts. */
export async function repeatedly(
  concurrency: number,
  signal: AbortSignal,
  work: (line: number) => Promise<unknown>,
): Promise<void> {
  const lines = Array.from({ length: concurrency }, async (_, line) => {
    while (!signal.aborted) await work(line);
  });
  await Promise.all(lines);
}
