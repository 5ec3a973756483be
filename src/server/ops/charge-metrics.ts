import { Counter, type Registry } from "prom-client";
import { withTimeout } from "../../async/with-timeout.js";
import { audienceLevels, type Level, modelLevels } from "../../domain/selector.js";
import {
  type ChargeCount,
  type ChargeCounter,
  chargeOutcomes,
} from "../../rpc/call/charge-counter.js";

/** A model of a provider. */
export type NamedModel = { readonly provider: string; readonly model: string };

/** What the metrics of charges ask the catalog, and report. */
export type CatalogQueries = {
  /** Returns those of the names that are registered providers. */
  readonly registeredProviders: (names: readonly string[]) => Promise<readonly string[]>;
  /** Returns those of the models that are registered. */
  readonly registeredModels: (models: readonly NamedModel[]) => Promise<readonly NamedModel[]>;
  /** Gets models that a pattern has priced and that are not registered. */
  readonly onUnregistered: (models: readonly NamedModel[]) => void;
};

/**
 * Counts charges by provider, and by how specific their price is. A request may name any provider, and each
 * name would become a series that is kept until the process ends. So the names of providers that no price
 * names are looked up when metrics are scraped, and unregistered ones count as "unknown". So are models that
 * a pattern has priced.
 */
export function createChargeMetrics(registry: Registry, catalog: CatalogQueries): ChargeCounter {
  const providers = createProviderCounts(catalog);
  const models = createModelCounts(catalog);
  const levels = new Map<string, { readonly level: Level; times: number }>(
    audienceLevels.flatMap((audience) =>
      modelLevels.map((model) => [
        `${audience} ${model}`,
        { level: { audience, model }, times: 0 },
      ]),
    ),
  );
  let verifying: Promise<unknown> | undefined;
  /** If a lookup fails, the names stay unverified until the next scrape. */
  const verifyInTime = async () => {
    verifying ??= Promise.allSettled([providers.verify(), models.verify()]).finally(() => {
      verifying = undefined;
    });
    // A scrape must not wait longer for an unresponsive database.
    await withTimeout(verifying, verifyTimeoutMs, () => undefined);
  };
  registerCharges(registry, providers.counts, verifyInTime);
  registerLevels(registry, levels);
  registerUnregistered(registry, models.unregistered, verifyInTime);
  const add = (each: ChargeCount) => {
    providers.add(each);
    models.add(each);
    const counted = each.level && levels.get(`${each.level.audience} ${each.level.model}`);
    if (counted !== undefined) counted.times += each.times;
  };
  return { add: (counts) => counts.forEach(add) };
}

type OutcomeCounts = Record<(typeof chargeOutcomes)[number], number>;

/** Counts charges by provider, and those of unregistered providers as "unknown". */
function createProviderCounts({ registeredProviders }: CatalogQueries) {
  const counts = new Map([[unknown, zeroCounts()]]);
  const unverified = new Map<string, OutcomeCounts>();
  const countsIn = (map: Map<string, OutcomeCounts>, provider: string) => {
    const known = map.get(provider);
    if (known !== undefined) return known;
    const added = zeroCounts();
    map.set(provider, added);
    return added;
  };
  return {
    counts,
    add: ({ provider, outcome, isProviderPriced, times }: ChargeCount) => {
      const isKnown = isProviderPriced || counts.has(provider);
      const isFull = unverified.size >= maxUnverified && !unverified.has(provider);
      if (isKnown || isFull) countsIn(counts, isKnown ? provider : unknown)[outcome] += times;
      else countsIn(unverified, provider)[outcome] += times;
    },
    verify: async () => {
      const names = [...unverified.keys()];
      if (names.length === 0) return;
      const registered = new Set(await registeredProviders(names));
      for (const name of names) {
        const verified = countsIn(counts, registered.has(name) ? name : unknown);
        const found = unverified.get(name) ?? zeroCounts();
        unverified.delete(name);
        for (const outcome of chargeOutcomes) verified[outcome] += found[outcome];
      }
    },
  };
}

/** Counts the charges of models that are not registered, by provider: a pattern has priced them. */
function createModelCounts({
  registeredModels,
  registeredProviders,
  onUnregistered,
}: CatalogQueries) {
  // From the start, so that the first one is an increase.
  const unregistered = new Map<string, number>([[unknown, 0]]);
  const unverified = new Map<string, NamedModel & { times: number }>();
  const known = new Set<string>();
  return {
    unregistered,
    add: ({ provider, patternModel: model, times }: ChargeCount) => {
      if (model === undefined) return;
      const id = toId({ provider, model });
      const found = unverified.get(id);
      if (found !== undefined) found.times += times;
      // More would be a client that invents names: the first ones are enough for the alert.
      else if (!known.has(id) && unverified.size < maxUnverified)
        unverified.set(id, { provider, model, times });
    },
    verify: async () => {
      const asked = [...unverified.values()];
      if (asked.length === 0) return;
      const registered = new Set((await registeredModels(asked)).map(toId));
      const others = asked.filter((each) => !registered.has(toId(each)));
      const names = others.map(({ provider }) => provider);
      const providers = new Set(names.length === 0 ? [] : await registeredProviders(names));
      if (known.size + registered.size > maxKnown) known.clear();
      for (const id of registered) known.add(id);
      for (const { provider, times } of others) {
        const name = providers.has(provider) ? provider : unknown;
        unregistered.set(name, (unregistered.get(name) ?? 0) + times);
      }
      for (const each of asked) unverified.delete(toId(each));
      if (others.length > 0)
        onUnregistered(others.map(({ provider, model }) => ({ provider, model })));
    },
  };
}

function registerCharges(
  registry: Registry,
  countsByProvider: ReadonlyMap<string, OutcomeCounts>,
  verify: () => Promise<void>,
): void {
  const charges = new Counter({
    name: "llmprices_charges_total",
    help:
      "Charges by provider and outcome: charged, free (at a markup of 0), unpriced (failed with " +
      "PRICE_NOT_FOUND), unrated (with RATE_CARD_NOT_FOUND or RATE_MISSING). Providers that are not registered count as unknown.",
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

function registerLevels(
  registry: Registry,
  levels: ReadonlyMap<string, { readonly level: Level; readonly times: number }>,
): void {
  const charges = new Counter({
    name: "llmprices_charges_by_level_total",
    help:
      "Charges by how specific their price is: for an account, a price list or everyone, and for a model by " +
      "name (exact), by the beginning of its name (prefix), or for any model.",
    labelNames: ["audience", "model"],
    registers: [registry],
    collect: () => {
      charges.reset();
      for (const { level, times } of levels.values()) charges.inc(level, times);
    },
  });
}

function registerUnregistered(
  registry: Registry,
  unregistered: ReadonlyMap<string, number>,
  verify: () => Promise<void>,
): void {
  const charges = new Counter({
    name: "llmprices_unregistered_model_charges_total",
    help:
      "Charges of models that are not registered, which a price with a pattern has priced, by provider. " +
      "Providers that are not registered count as unknown.",
    labelNames: ["provider"],
    registers: [registry],
    collect: async () => {
      await verify();
      charges.reset();
      for (const [provider, times] of unregistered) charges.inc({ provider }, times);
    },
  });
}

function toId({ provider, model }: NamedModel): string {
  return `${provider}/${model}`;
}

function zeroCounts(): OutcomeCounts {
  return { charged: 0, free: 0, unpriced: 0, unrated: 0 };
}

const unknown = "unknown";
const maxUnverified = 1000;
const maxKnown = 100_000;
const verifyTimeoutMs = 500;
