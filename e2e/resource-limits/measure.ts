import { stat } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { peakBytes, residentBytes } from "../../bench/support/memory.js";
import { readLoggedErrors } from "../support/logged-errors.js";
import type { TestedService } from "../support/tested-service.js";
import type { Abuse } from "./abuse.js";
import type { AbusedService, Abuser, Outcomes } from "./abuser/abuser.js";
import type { CallsSeen, GoodCaller } from "./good-caller/good-caller.js";

/** What the good caller saw before, during and after an abuse, and what the service needed. */
export type Measurement = {
  readonly abuse: Abuse;
  readonly before: CallsSeen;
  readonly during: CallsSeen;
  /** From the end of the abuse to the end of the pause after it. */
  readonly recovery: CallsSeen;
  /** The end of that pause. */
  readonly after: CallsSeen;
  readonly bytes: Readonly<Record<"before" | "peak" | "after", number>>;
  /** Error lines in the log of the service. */
  readonly loggedErrors: readonly string[];
  readonly outcomes: Outcomes;
};

export type Durations = {
  readonly beforeSeconds: number;
  readonly abuseSeconds: number;
  readonly recoverySeconds: number;
  readonly afterSeconds: number;
};

export async function measure(
  abuse: Abuse,
  service: TestedService,
  { goodCaller, abuser }: { readonly goodCaller: GoodCaller; readonly abuser: Abuser },
  tokens: AbusedService["tokens"],
  { beforeSeconds, abuseSeconds, recoverySeconds, afterSeconds }: Durations,
): Promise<Measurement> {
  const { processId, grpc, http, logPath } = service;
  const { size: logStart } = await stat(logPath);
  const during = async (work: () => Promise<unknown>) => {
    const from = Date.now();
    await work();
    return () => goodCaller.callsBetween(from, Date.now() - 1);
  };
  const before = await (await during(() => sleep(beforeSeconds * 1000)))();
  const bytesBefore = await residentBytes(processId);
  let outcomes: Outcomes = new Map();
  let abused: CallsSeen | undefined;
  const peak = await peakBytes(processId, async () => {
    const seen = await during(async () => {
      const target = { grpc, http, tokens };
      outcomes = await abuser.run({ abuse: abuse.name, seconds: abuseSeconds, target });
    });
    abused = await seen();
  });
  const recovery = await (await during(() => sleep(recoverySeconds * 1000)))();
  const after = await (await during(() => sleep(afterSeconds * 1000)))();
  return {
    ...{ abuse, before, during: abused as CallsSeen, recovery, after, outcomes },
    bytes: { before: bytesBefore, peak, after: await residentBytes(processId) },
    loggedErrors: await readLoggedErrors(logPath, logStart),
  };
}
