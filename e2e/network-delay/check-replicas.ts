import type { Checks } from "../../bench/support/checks.js";
import { quantile } from "../../bench/support/statistics.js";
import { byKey } from "../../test/support/prices.js";
import type { Endpoint } from "../../test/support/service.js";
import { toFailure } from "../support/call-failure.js";
import { watchUntil } from "../support/watch-changes.js";
import { type Call, catalogCalls, pricingCalls } from "./every-call.js";
import { rateCalls } from "./every-rate-call.js";

/** Checks calls to two replicas whose round trips to the database take `roundTripMs`. */
export async function checkReplicas(
  checks: Checks,
  [first, second]: readonly [Endpoint, Endpoint],
  roundTripMs: number,
  isLong: boolean,
): Promise<void> {
  const repeats = isLong ? 20 : 2;
  const at = (what: string) => `${roundTripMs} ms: ${what}`;
  const inTrips = (ms: number) =>
    roundTripMs === 0 ? `${ms.toFixed(1)} ms` : `${(ms / roundTripMs).toFixed(1)} round trips`;

  const callAll = async (calls: Readonly<Record<string, Call>>) => {
    for (const [name, call] of Object.entries(calls)) {
      const outcome = await timed(() => call(first, { timeoutMs: deadlineMs }));
      checks.check(at(name), outcome.error === undefined, outcome.error ?? inTrips(outcome.ms));
    }
  };
  await Promise.all([callAll(catalogCalls), callAll(pricingCalls()), callAll(rateCalls())]);

  const writes = await writeConcurrently([first, second], isLong ? 10 : 1);
  checks.check(
    at(`${writers} clients that write at the same time are all answered`),
    writes.every(({ error }) => error === undefined),
    writes.find(({ error }) => error)?.error ??
      `${writes.length} writes, the slowest after ${inTrips(Math.max(...writes.map(({ ms }) => ms)))}`,
  );

  for (const [where, reader] of [
    ["the same replica", first] as const,
    ["another", second] as const,
  ]) {
    const times: number[] = [];
    for (let i = 0; i < repeats; i += 1) {
      const { bookVersion } = await update(first, `1.${i}1`);
      const charge = await timed(() => calculate(reader, { minBookVersion: bookVersion }));
      checks.check(
        at(`a written version is used by ${where}`),
        charge.error === undefined,
        charge.error,
      );
      times.push(charge.ms);
    }
    const median = quantile(times, 0.5);
    const slowest = Math.max(...times);
    checks.check(
      at(`a written version costs ${where} at most 2 round trips`),
      slowest <= 2 * roundTripMs + slackMs,
      `${inTrips(median)}, the slowest ${inTrips(slowest)}`,
    );
  }

  const { bookVersion } = await update(first, "1.7");
  for (const timeoutMs of [2 * roundTripMs + 2 * slackMs, deadlineMs]) {
    const minBookVersion = bookVersion + 1_000_000n;
    const early = await timed(() => calculate(second, { minBookVersion }, timeoutMs));
    checks.check(
      at(`a version that nobody issued is BOOK_BEHIND before a deadline of ${timeoutMs} ms`),
      early.reason === "BOOK_BEHIND" && early.ms < timeoutMs,
      `${early.reason} after ${inTrips(early.ms)}`,
    );
  }

  const delivery = await watch(second, bookVersion, () => update(first, "1.8"));
  checks.check(
    at("a watch of another replica delivers a change"),
    delivery.error === undefined && delivery.ms < deadlineMs,
    delivery.error ?? `after ${inTrips(delivery.ms)}`,
  );
}

type Outcome = {
  readonly ms: number;
  readonly error: string | undefined;
  readonly reason: string | undefined;
};

async function timed(work: () => Promise<unknown>): Promise<Outcome> {
  const startedAt = performance.now();
  try {
    await work();
    return { ms: performance.now() - startedAt, error: undefined, reason: undefined };
  } catch (cause) {
    const ms = performance.now() - startedAt;
    const { reason, message } = toFailure(cause);
    return { ms, reason, error: `${reason} after ${ms.toFixed(0)} ms: ${message}` };
  }
}

/** Several clients write, each again when it has been answered. */
async function writeConcurrently(
  replicas: readonly Endpoint[],
  writesOfEach: number,
): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  const write = async (index: number) => {
    for (let i = 0; i < writesOfEach; i += 1) {
      const replica = replicas[index % replicas.length] as Endpoint;
      outcomes.push(await timed(() => update(replica, `2.${index}${i}1`)));
    }
  };
  await Promise.all(Array.from({ length: writers }, (_, index) => write(index)));
  return outcomes;
}

function update({ pricing }: Endpoint, price: string) {
  return pricing.updateLLMPrice({ lookup: byKey(key), price }, { timeoutMs: deadlineMs });
}

function calculate(
  { pricing }: Endpoint,
  version: { readonly minBookVersion: bigint },
  timeoutMs = deadlineMs,
) {
  const usageRatio = { case: "accountUsageRatio", value: "1" } as const;
  const request = { ...key, providerCost: "1", usageRatio, ...version };
  return pricing.calculateCharge(request, { timeoutMs });
}

/** Watches from a version on, writes, and returns the time from the write's response to the change. */
async function watch(
  endpoint: Endpoint,
  afterBookVersion: bigint,
  write: () => Promise<unknown>,
): Promise<Outcome> {
  let writing: Promise<number> | undefined;
  const outcome = await timed(() =>
    watchUntil(endpoint, { afterBookVersion }, 2 * deadlineMs, ({ bookVersion = 0n }) => {
      // The first message says that the watch has begun.
      writing ??= write().then(() => performance.now());
      return bookVersion > afterBookVersion;
    }),
  );
  const endedAt = performance.now();
  return { ...outcome, ms: Math.max(0, endedAt - ((await writing) ?? endedAt)) };
}

const key = { chargeType: "completion", provider: "openai", model: "gpt-4o" };
/** As docs/clients.md recommends. */
const deadlineMs = 10_000;
/** For the machine, which may be busy. */
const slackMs = 150;
const writers = 8;
