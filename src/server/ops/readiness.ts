import type { Knex } from "knex";
import { withTimeout } from "../../async/with-timeout.js";
import { DomainError } from "../../domain/domain-error.js";
import { toDomainError } from "../../store/connection/postgres-errors.js";
import { pendingMigrations } from "../../store/schema/migration-list.js";

/** Whether the service can answer: undefined when it can, else why it cannot. */
export type Readiness = {
  readonly notReadyReason: () => string | undefined;
  /** Looks at once, and tells whether it is ready. */
  readonly check: () => Promise<boolean>;
  /** From now on not ready, for good: the service is shutting down. */
  readonly drain: () => void;
};

/**
 * Watches the database: ready is when it answers, within two seconds, and has every migration that
 * this program needs, and when the price book, which follows it, has nothing against it either.
 * `onChange` is called with the first finding and whenever it turns.
 */
export function watchReadiness(
  knex: Knex,
  whyNotBook: () => string | undefined,
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
  // A database that hangs is asked once, and not by one connection after the other.
  let asking: Promise<string | undefined> | undefined;
  let checking: Promise<boolean> | undefined;
  const ask = () => {
    asking ??= findNotReadyReason(knex).finally(() => {
      asking = undefined;
    });
    return asking;
  };
  const look = async () => {
    const finding = (await withTimeout(ask(), limitMs, () => noAnswer)) ?? whyNotBook();
    if (!isDraining) find(finding);
    return whyNot === undefined;
  };
  const check = () => {
    checking ??= look().finally(() => {
      checking = undefined;
    });
    return checking;
  };
  // What fails is not known to be ready, and is looked at again.
  const timer = setInterval(() => void check().catch(() => undefined), intervalMs);
  return {
    notReadyReason: () => whyNot,
    check,
    drain: () => {
      isDraining = true;
      clearInterval(timer);
      find("shutting down");
    },
  };
}

async function findNotReadyReason(knex: Knex): Promise<string | undefined> {
  try {
    const pending = await pendingMigrations(knex, limitMs);
    if (pending.length === 0) return undefined;
    return `the database lacks migrations: ${pending.join(", ")}; run "llmprices migrate up"`;
  } catch (error) {
    if ((error as Error).name === "KnexTimeoutError") return noAnswer;
    return toNotReadyReason(toDomainError(error));
  }
}

/** In words, and with the code that tells a wrong password from a host that is not there. */
function toNotReadyReason(refusal: unknown): string {
  const isKnown = refusal instanceof DomainError;
  const { code } = (isKnown ? refusal.cause : refusal) as { readonly code?: string };
  const what =
    isKnown && code !== insufficientPrivilege
      ? refusal.message.replace(/; try again$/, "")
      : "the database cannot be read";
  return code === undefined ? what : `${what} (${code})`;
}

const insufficientPrivilege = "42501";
const limitMs = 2000;
const noAnswer = "the database does not answer";
