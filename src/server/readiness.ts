import type { Knex } from "knex";
import { pendingMigrations } from "../store/migrations.js";
import { toRefusal } from "../store/refusals.js";

/** Whether the service can answer: undefined when it can, else why it cannot. */
export type Readiness = {
  readonly whyNot: () => string | undefined;
  /** Looks at once, and tells whether it is ready. */
  readonly check: () => Promise<boolean>;
  /** From now on not ready, for good: the service is shutting down. */
  readonly drain: () => void;
};

/**
 * Watches the database: ready is when it answers and has every migration that this program needs.
 * `onChange` is called with the first finding and whenever it turns.
 */
export function watchReadiness(
  knex: Knex,
  onChange: (whyNot: string | undefined) => void,
  intervalMs = 1000,
): Readiness {
  let whyNot: string | undefined = "the database has not been asked yet";
  let isDraining = false;
  const find = (finding: string | undefined) => {
    if (finding === whyNot) return;
    whyNot = finding;
    onChange(finding);
  };
  const check = async () => {
    const finding = await findWhyNot(knex);
    if (!isDraining) find(finding);
    return whyNot === undefined;
  };
  const timer = setInterval(check, intervalMs);
  return {
    whyNot: () => whyNot,
    check,
    drain: () => {
      isDraining = true;
      clearInterval(timer);
      find("shutting down");
    },
  };
}

async function findWhyNot(knex: Knex): Promise<string | undefined> {
  try {
    const pending = await pendingMigrations(knex);
    if (pending.length === 0) return undefined;
    return `the database lacks migrations: ${pending.join(", ")}; run "llmprices migrate up"`;
  } catch (error) {
    const refusal = toRefusal(error);
    return refusal instanceof Error ? refusal.message : String(refusal);
  }
}
