import { Counter, type Registry } from "prom-client";
import { withTimeout } from "../../async/with-timeout.js";
import {
  type ChargeCount,
  type ChargeCounter,
  chargeOutcomes,
} from "../../rpc/call/charge-counter.js";

/** Returns which of these providers are registered. */
export type FindRegistered = (names: readonly string[]) => Promise<readonly string[]>;

/**
 * Counts charges by provider. A request for a price that does not exist may name any provider, and each
 * name would become a series that is kept until the process ends. So provider names without a price
 * are looked up when metrics are scraped, and unregistered ones count as "unknown".
 */
export function createChargeMetrics(
  registry: Registry,
  findRegistered: FindRegistered,
): ChargeCounter {
  const countsByProvider = new Map([[unknownProvider, zeroCounts()]]);
  const unverified = new Map<string, number>();
  const count = ({ provider, outcome, times }: ChargeCount) => {
    const counts = countsByProvider.get(provider) ?? zeroCounts();
    countsByProvider.set(provider, counts);
    counts[outcome] += times;
  };
  const add = (each: ChargeCount) => {
    // A provider with a price is registered.
    if (each.outcome !== "unpriced" || countsByProvider.has(each.provider)) return count(each);
    const { provider, times } = each;
    const isFull = unverified.size >= maxUnverified && !unverified.has(provider);
    if (isFull) return count({ ...each, provider: unknownProvider });
    unverified.set(provider, (unverified.get(provider) ?? 0) + times);
  };
  /** If the lookup fails, the names stay unverified until the next scrape. */
  const verify = async () => {
    const names = [...unverified.keys()];
    const registered = new Set(await findRegistered(names));
    for (const name of names) {
      const times = unverified.get(name) ?? 0;
      unverified.delete(name);
      const provider = registered.has(name) ? name : unknownProvider;
      count({ provider, outcome: "unpriced", times });
    }
  };
  let verifying: Promise<void> | undefined;
  const verifyInTime = async () => {
    if (unverified.size === 0) return;
    verifying ??= verify()
      .catch(() => undefined)
      .finally(() => {
        verifying = undefined;
      });
    // A scrape must not wait longer for an unresponsive database.
    await withTimeout(verifying, verifyTimeoutMs, () => undefined);
  };
  registerCharges(registry, countsByProvider, verifyInTime);
  return { add: (counts) => counts.forEach(add) };
}

type OutcomeCounts = Record<(typeof chargeOutcomes)[number], number>;

function registerCharges(
  registry: Registry,
  countsByProvider: ReadonlyMap<string, OutcomeCounts>,
  verify: () => Promise<void>,
): void {
  const charges = new Counter({
    name: "llmprices_charges_total",
    help:
      "Charges by provider and outcome: charged, free (at a markup of 0), unpriced (failed with " +
      "PRICE_NOT_FOUND). Providers that are not registered count as unknown.",
    labelNames: ["provider", "outcome"],
    registers: [registry],
    collect: async () => {
      await verify();
      charges.reset();
      for (const [provider, counts] of countsByProvider) {
        for (const outcome of chargeOutcomes) charges.inc({ provider, outcome }, counts[outcome]);
      }
    },
  });
}

function zeroCounts(): OutcomeCounts {
  return { charged: 0, free: 0, unpriced: 0 };
}

const unknownProvider = "unknown";
const maxUnverified = 1000;
const verifyTimeoutMs = 500;
