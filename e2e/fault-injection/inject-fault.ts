import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type World, withWorld } from "./environment/environment.js";
import { readLoggedErrors } from "./environment/logged-errors.js";
import type { Fault } from "./faults/fault.js";
import {
  extentOf,
  type Findings,
  findWrongCharges,
  isAsAnswered,
  readFindings,
} from "./invariants/database-state.js";
import { recover } from "./invariants/recovery.js";
import { type Repeats, repeatWrites } from "./invariants/repeated-writes.js";
import { startLoad } from "./load/load.js";
import { type Entry, type Ledger, openLedger, sum } from "./load/write-log.js";

/** What was written and seen while a fault happened. */
export type Outcome = {
  /** How often the fault happened. */
  readonly strikes: number;
  /** Whether clients noticed what they must notice. */
  readonly isFelt: boolean;
  readonly answered: number;
  readonly answeredFound: number;
  readonly unanswered: number;
  readonly whole: number;
  readonly none: number;
  /** Of answered, unanswered and refused writes. */
  readonly half: number;
  /** Writes that were refused, and are there. */
  readonly refusedFound: number;
  readonly repeats: Repeats;
  readonly duplicates: number;
  readonly charges: number;
  readonly wrongCharges: readonly string[];
  readonly unavailable: number;
  readonly deadline: number;
  readonly reasons: ReadonlyMap<string, number>;
  readonly recoverySeconds: number;
  readonly violations: readonly string[];
  readonly notes: readonly string[];
};

/** Lets a fault happen under load, and then compares what clients know with what the database has. */
export function tryFault(
  fault: Fault,
  leastStrikes: number,
  folder: string,
  template: string,
): Promise<Outcome> {
  return withWorld(folder, template, fault.options ?? {}, async (world) => {
    const ledger = openLedger();
    const size = { importRows: 100, importsNewNames: false, ...fault.load };
    const stopOthers = await fault.accompany?.(world, ledger);
    const load = startLoad(ledger, world.replicas, size);
    let recoverySeconds = 0;
    let strikes = 0;
    try {
      // A strike between two calls may go unnoticed: then it strikes again.
      const isNeeded = () => strikes < leastStrikes || !isFelt(fault, ledger);
      for (; strikes < fault.times && isNeeded(); strikes += 1) {
        await sleep(calmMs);
        await fault.strike(world, ledger, strikes);
        recoverySeconds = Math.max(recoverySeconds, await recover(ledger, world.replicas));
      }
      await sleep(calmMs);
    } finally {
      await load.stop();
      await stopOthers?.();
    }
    if (ledger.violations.length > 0) {
      for (const { name } of world.replicas) {
        const path = join(world.folder, name, "service.log");
        ledger.violations.push(...(await readLoggedErrors(path)));
      }
    }
    return judge(fault, world, ledger, { strikes, recoverySeconds });
  });
}

async function judge(
  fault: Fault,
  world: World,
  ledger: Ledger,
  course: Pick<Outcome, "strikes" | "recoverySeconds">,
): Promise<Outcome> {
  const { entries, unanswered, violations, notes } = ledger;
  const before = await readFindings(world);
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
    refusedFound: inState("refused").length - counted(inState("refused"), "none"),
  };
  const repeats = await repeatWrites(ledger, before, world.replicas);
  const after = await readFindings(world);
  const deadline = sum(unanswered, ["DEADLINE_EXCEEDED"]);
  return {
    ...{ ...found, repeats, duplicates: countDuplicates(ledger, before, after) },
    charges: ledger.charges.length,
    wrongCharges: findWrongCharges(ledger, after, fault.isRepriced ?? false),
    ...{ unavailable: sum(unanswered) - deadline, deadline, reasons: unanswered },
    ...{ ...course, violations, notes, isFelt: isFelt(fault, ledger) },
  };
}

/** Writes that have been done more than once, or that nobody has sent. */
function countDuplicates({ entries }: Ledger, before: Findings, after: Findings): number {
  const sent = new Map(entries.map((entry) => [entry.requestId, entry]));
  return [...after.byWrite].filter(([requestId, revisions]) => {
    const entry = sent.get(requestId);
    const earlier = before.byWrite.get(requestId)?.length ?? entry?.rows.length;
    return entry === undefined || revisions.length !== earlier || !isAsWritten(entry, after);
  }).length;
}

function isAsWritten(entry: Entry, findings: Findings): boolean {
  return entry.answer === undefined
    ? extentOf(entry, findings) !== "half"
    : isAsAnswered(entry, findings);
}

function isFelt({ felt }: Fault, { entries, unanswered }: Ledger): boolean {
  if (felt === "nothing") return true;
  if (felt === "calculations") return sum(unanswered) > 0;
  return entries.some(({ state }) => state === "unanswered");
}

const calmMs = 700;
