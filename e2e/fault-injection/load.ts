import { setTimeout as sleep } from "node:timers/promises";
import type { TestKey } from "../../test/support/prices.js";
import type { Endpoint } from "../../test/support/service.js";
import { charge, chargeAll, type Wanted } from "./charges.js";
import type { Ledger } from "./ledger.js";
import type { Replica } from "./replica.js";
import { createPrice, importPrice, send, updatePrice } from "./writes.js";

/** Clients that call until they are stopped. */
export type Load = {
  /** Lets each finish its call, and waits for that. */
  readonly stop: () => Promise<void>;
};

/** How much is called. */
export type LoadSize = {
  /** Rows of each import; 0: none. */
  readonly importRows: number;
  /** Whether each import registers names of its own. */
  readonly importsNewNames: boolean;
};

/**
 * Of each replica: a client that writes, one that imports, two that calculate, one through each door,
 * and one that names instants which others have been answered. Each waits for its answer before it calls
 * again, as those do who have a job to do.
 */
export function startLoad(ledger: Ledger, replicas: readonly Replica[], size: LoadSize): Load {
  const over = new AbortController();
  const isOver = () => over.signal.aborted;
  const lanes = replicas.flatMap((replica) => [
    write(ledger, replica, isOver),
    ...(size.importRows > 0 ? [bulk(ledger, replica, size, isOver)] : []),
    ...[replica.grpc, replica.json].map((door) => calculate(ledger, door, isOver)),
    calculateAtNewest(ledger, replica.grpc, isOver),
  ]);
  return {
    stop: async () => {
      over.abort();
      await Promise.all(lanes);
    },
  };
}

/** A key that nobody has written yet; its model is registered. */
export function nextKey(): TestKey {
  keys += 1;
  return { chargeType: "completion", provider: "acme", model: `model-${keys}` };
}

/** A price that no other write has. */
export function nextPrice(): string {
  prices += 1;
  return `${prices % 1000}.${String(prices).padStart(6, "0")}1`;
}

/** Creates a key, changes its price some times, now and ahead, and goes on to the next. */
async function write(ledger: Ledger, replica: Replica, isOver: () => boolean): Promise<void> {
  while (!isOver()) {
    const key = nextKey();
    let entry = await send(ledger, createPrice(key, nextPrice()), replica, writeTimeoutMs);
    for (let i = 0; i < 6 && entry.answer !== undefined && !isOver(); i += 1) {
      const { effectiveFrom, version } = entry.answer;
      await charge(ledger, replica.json, key, { minVersion: version }, chargeTimeoutMs);
      await sleep(pauseMs);
      // One that is scheduled takes effect while others calculate.
      const from = i === 3 ? effectiveFrom + 1500 : undefined;
      entry = await send(ledger, updatePrice(key, nextPrice(), from), replica, writeTimeoutMs);
      // Of one that is not answered nobody knows: the key is left as it is.
      if (from !== undefined) break;
    }
    await sleep(entry.state === "answered" ? pauseMs : pauseAfterFailureMs);
  }
}

async function bulk(
  ledger: Ledger,
  replica: Replica,
  { importRows, importsNewNames }: LoadSize,
  isOver: () => boolean,
): Promise<void> {
  let names = toNames(replica, importRows);
  while (!isOver()) {
    const write = importPrice(names, nextPrice());
    const { state } = await send(ledger, write, replica, importTimeoutMs);
    if (state === "answered") await chargeAll(ledger, replica.grpc, names, chargeTimeoutMs);
    if (importsNewNames) names = toNames(replica, importRows);
    await sleep(state === "answered" ? pauseAfterImportMs : pauseAfterFailureMs);
  }
}

/** Asks for now, for instants that are past, and for versions that another replica has answered. */
async function calculate(ledger: Ledger, door: Endpoint, isOver: () => boolean): Promise<void> {
  let newest = 0;
  while (!isOver()) {
    const [key, written] = pick([...ledger.known].slice(-200)) ?? [];
    const wanted = pick([
      {},
      { minVersion: written?.version ?? 0n },
      { asOf: toPast(ledger, (written?.effectiveFrom ?? 0) - 1 + Math.random() * 500) },
    ]) as Wanted;
    const seen = key && (await charge(ledger, door, key, wanted, chargeTimeoutMs));
    if (seen !== undefined && wanted.asOf === undefined) {
      if (seen.asOf < newest) ledger.violations.push(`now went back by ${newest - seen.asOf} ms`);
      newest = Math.max(newest, seen.asOf);
    }
    await sleep(seen === undefined ? pauseMs * 4 : pauseMs);
  }
}

/** Asks for the newest instant that anybody has been answered, by whichever replica. */
async function calculateAtNewest(ledger: Ledger, door: Endpoint, isOver: () => boolean) {
  while (!isOver()) {
    const key = pick([...ledger.known.keys()].slice(-200));
    if (key) await charge(ledger, door, key, { asOf: ledger.newest }, chargeTimeoutMs);
    await sleep(pauseMs);
  }
}

/** What is still to come may be answered otherwise when it has. */
function toPast({ newest }: Ledger, instant: number): number {
  return Math.min(newest, Math.floor(instant));
}

function toNames({ name }: Replica, count: number): readonly TestKey[] {
  imports += 1;
  const model = (i: number) => `${name}-${imports}-${i}`;
  return Array.from({ length: count }, (_, i) => ({
    ...{ chargeType: "completion", provider: "bulk", model: model(i) },
  }));
}

function pick<T>(choices: readonly T[]): T | undefined {
  return choices[Math.floor(Math.random() * choices.length)];
}

let keys = 0;
let prices = 0;
let imports = 0;
const writeTimeoutMs = 5000;
const importTimeoutMs = 10_000;
const chargeTimeoutMs = 2000;
const pauseMs = 20;
const pauseAfterImportMs = 1000;
const pauseAfterFailureMs = 200;
