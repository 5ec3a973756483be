import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { readLoggedErrors } from "../support/logged-errors.js";
import { type Environment, withEnvironment } from "./environment/environment.js";
import type { Replica } from "./environment/replica.js";
import type { Fault } from "./faults/fault.js";
import {
  countCorrected,
  type DatabaseState,
  extentOf,
  findWrongCharges,
  isAsAnswered,
  readDatabaseState,
} from "./invariants/database-state.js";
import { recover } from "./invariants/recovery.js";
import { type Repeats, repeatWrites } from "./invariants/repeated-writes.js";
import { repeatAll } from "./load/charges.js";
import { startLoad } from "./load/load.js";
import { createWriteLog, type Entry, sum, type WriteLog } from "./load/write-log.js";

/** What clients wrote and read while a fault happened. */
export type Outcome = {
  /** How often the fault was injected. */
  readonly strikes: number;
  /** Whether calls failed that the fault must affect. */
  readonly isNoticed: boolean;
  readonly answered: number;
  readonly answeredFound: number;
  readonly unanswered: number;
  readonly whole: number;
  readonly none: number;
  /** How many writes of any kind are incomplete. */
  readonly half: number;
  /** How many rejected writes the database has. */
  readonly rejectedFound: number;
  readonly repeats: Repeats;
  readonly duplicates: number;
  readonly charges: number;
  /** How many of them were made at prices that a later version has taken back. */
  readonly corrected: number;
  readonly wrongCharges: readonly string[];
  readonly unavailable: number;
  readonly deadline: number;
  readonly reasons: ReadonlyMap<string, number>;
  readonly recoverySeconds: number;
  readonly violations: readonly string[];
  readonly notes: readonly string[];
};

/** Injects a fault under load, then compares what clients know with the database. */
export function injectFault(
  fault: Fault,
  leastStrikes: number,
  folder: string,
  template: string,
): Promise<Outcome> {
  return withEnvironment(folder, template, fault.options ?? {}, async (environment) => {
    const writeLog = createWriteLog(fault.setsDatabaseClock);
    const size = { importRows: 100, importsNewNames: false, ...fault.load };
    const stopOthers = await fault.startMoreClients?.(environment, writeLog);
    const load = startLoad(writeLog, environment.replicas, size);
    let recoverySeconds = 0;
    let strikes = 0;
    try {
      // No call may have been in flight: then inject it again.
      const isNeeded = () => strikes < leastStrikes || !isNoticed(fault, writeLog);
      for (; strikes < fault.times && isNeeded(); strikes += 1) {
        await untilLoadSucceeds(writeLog);
        await fault.strike(environment, writeLog, strikes);
        recoverySeconds = Math.max(recoverySeconds, await recover(writeLog, environment.replicas));
      }
      await untilLoadSucceeds(writeLog);
    } finally {
      await load.stop();
      await stopOthers?.();
    }
    if (writeLog.violations.length > 0) {
      for (const { name } of environment.replicas) {
        const path = join(environment.folder, name, "service.log");
        writeLog.violations.push(...(await readLoggedErrors(path)));
      }
    }
    return judge(fault, environment, writeLog, { strikes, recoverySeconds });
  });
}

async function judge(
  fault: Fault,
  environment: Environment,
  writeLog: WriteLog,
  course: Pick<Outcome, "strikes" | "recoverySeconds">,
): Promise<Outcome> {
  const { entries, unanswered, violations, notes } = writeLog;
  const before = await readDatabaseState(environment);
  const inState = (state: Entry["state"]) => entries.filter((entry) => entry.state === state);
  const counted = (of: readonly Entry[], extent: ReturnType<typeof extentOf>) =>
    of.filter((entry) => extentOf(entry, before) === extent).length;
  const found = {
    answered: inState("answered").length,
    answeredFound: inState("answered").filter((entry) => isAsAnswered(entry, before)).length,
    unanswered: inState("unanswered").length,
    whole: counted(inState("unanswered"), "whole"),
    none: counted(inState("unanswered"), "none"),
    half: counted(entries, "half") + before.idleModels,
    rejectedFound: inState("rejected").length - counted(inState("rejected"), "none"),
  };
  const repeats = await repeatWrites(writeLog, before, environment.replicas);
  const after = await readDatabaseState(environment);
  const deadline = sum(unanswered, ["DEADLINE_EXCEEDED"]);
  return {
    ...{ ...found, repeats, duplicates: countDuplicates(writeLog, before, after) },
    charges: writeLog.charges.length,
    corrected: countCorrected(writeLog, after),
    wrongCharges: [
      ...findWrongCharges(writeLog, after),
      ...(await findUnrepeatable(writeLog, environment.replicas)),
    ],
    ...{ unavailable: sum(unanswered) - deadline, deadline, reasons: unanswered },
    ...{ ...course, violations, notes, isNoticed: isNoticed(fault, writeLog) },
  };
}

/** Calculates every charge again at its time and version, on each replica. Returns those that differ. */
async function findUnrepeatable({ charges }: WriteLog, replicas: readonly Replica[]) {
  const priced = charges.filter(({ bookVersion }) => bookVersion !== undefined);
  const wrong: string[] = [];
  for (const { grpc } of replicas) {
    for (let i = 0; i < priced.length; i += chargesPerBatch)
      wrong.push(...(await repeatAll(grpc, priced.slice(i, i + chargesPerBatch), repeatTimeoutMs)));
  }
  return wrong;
}

/** Counts writes that were done more than once, or that no client sent. */
function countDuplicates(
  { entries }: WriteLog,
  before: DatabaseState,
  after: DatabaseState,
): number {
  const sent = new Map(entries.map((entry) => [entry.requestId, entry]));
  return [...after.byWrite].filter(([requestId, revisions]) => {
    const entry = sent.get(requestId);
    const earlier = before.byWrite.get(requestId)?.length ?? entry?.rows.length;
    return entry === undefined || revisions.length !== earlier || !isAsWritten(entry, after);
  }).length;
}

function isAsWritten(entry: Entry, databaseState: DatabaseState): boolean {
  return entry.answer === undefined
    ? extentOf(entry, databaseState) !== "half"
    : isAsAnswered(entry, databaseState);
}

function isNoticed({ affects }: Fault, { entries, unanswered }: WriteLog): boolean {
  if (affects === "nothing") return true;
  if (affects === "calculations") return sum(unanswered) > 0;
  return entries.some(({ state }) => state === "unanswered");
}

/** Waits until clients write and calculate, which takes longer on a busy machine. */
async function untilLoadSucceeds({ entries, charges }: WriteLog): Promise<void> {
  const countAnswered = () => entries.filter(({ state }) => state === "answered").length;
  const [answeredBefore, chargesBefore] = [countAnswered(), charges.length];
  const startedAt = performance.now();
  while (countAnswered() < answeredBefore + 2 || charges.length < chargesBefore + 20) {
    if (performance.now() - startedAt > loadTimeoutMs) {
      throw new Error(`clients do not write and calculate within ${loadTimeoutMs / 1000} s`);
    }
    await sleep(20);
  }
  await sleep(calmMs);
}

const chargesPerBatch = 5000;
const repeatTimeoutMs = 60_000;
const calmMs = 500;
const loadTimeoutMs = 60_000;
