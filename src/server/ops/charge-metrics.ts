import { Counter, type Registry } from "prom-client";
import { withTimeout } from "../../async/with-timeout.js";
import {
  type ChargeCount,
  type ChargeCounter,
  chargeOutcomes,
} from "../../rpc/call/charge-counter.js";

/** Answers which of these providers are registered. */
export type FindRegistered = (names: readonly string[]) => Promise<readonly string[]>;

/**
 * Counts charges by provider. Whoever asks for a price that does not exist may name any provider, and
 * names become series, which are kept for ever: so names without a price are looked up when metrics
 * are asked for, and those that are not registered count as "unknown".
 */
export function createChargeMetrics(
  registry: Registry,
  findRegistered: FindRegistered,
): ChargeCounter {
  const tallies = new Map([[unknownProvider, noCharges()]]);
  const doubtful = new Map<string, number>();
  const count = ({ provider, outcome, times }: ChargeCount) => {
    const tally = tallies.get(provider) ?? noCharges();
    tallies.set(provider, tally);
    tally[outcome] += times;
  };
  const add = (each: ChargeCount) => {
    // What has a price is registered.
    if (each.outcome !== "unpriced" || tallies.has(each.provider)) return count(each);
    const { provider, times } = each;
    const isFull = doubtful.size >= maxDoubtful && !doubtful.has(provider);
    if (isFull) return count({ ...each, provider: unknownProvider });
    doubtful.set(provider, (doubtful.get(provider) ?? 0) + times);
  };
  /** Without an answer they stay in doubt, until the next time. */
  const settle = async () => {
    const names = [...doubtful.keys()];
    const registered = new Set(await findRegistered(names));
    for (const name of names) {
      const times = doubtful.get(name) ?? 0;
      doubtful.delete(name);
      const provider = registered.has(name) ? name : unknownProvider;
      count({ provider, outcome: "unpriced", times });
    }
  };
  let settling: Promise<void> | undefined;
  const settleInTime = async () => {
    if (doubtful.size === 0) return;
    settling ??= settle()
      .catch(() => undefined)
      .finally(() => {
        settling = undefined;
      });
    // Operators wait no longer for a database that does not answer.
    await withTimeout(settling, settleLimitMs, () => undefined);
  };
  registerCharges(registry, tallies, settleInTime);
  return { add: (counts) => counts.forEach(add) };
}

type Charges = Record<(typeof chargeOutcomes)[number], number>;

function registerCharges(
  registry: Registry,
  tallies: ReadonlyMap<string, Charges>,
  settle: () => Promise<void>,
): void {
  const charges = new Counter({
    name: "llmprices_charges_total",
    help:
      "Charges by provider and outcome: charged, free (at a markup of 0), unpriced (refused for " +
      "want of a price). Of providers that are not registered: unknown.",
    labelNames: ["provider", "outcome"],
    registers: [registry],
    collect: async () => {
      await settle();
      charges.reset();
      for (const [provider, tally] of tallies) {
        for (const outcome of chargeOutcomes) charges.inc({ provider, outcome }, tally[outcome]);
      }
    },
  });
}

function noCharges(): Charges {
  return { charged: 0, free: 0, unpriced: 0 };
}

const unknownProvider = "unknown";
const maxDoubtful = 1000;
const settleLimitMs = 500;
