import { setTimeout as sleep } from "node:timers/promises";
import type { TestKey } from "../../../test/support/prices.js";
import type { Endpoint } from "../../../test/support/service.js";
import type { Replica } from "../environment/replica.js";
import { charge, chargeAll, describeDifference, type Wanted } from "./charges.js";
import type { WriteLog } from "./write-log.js";
import { createPrice, importPrice, send, updatePrice } from "./writes.js";

/** Clients that call until they are stopped. */
export type Load = {
  /** Waits until each client has finished its call. */
  readonly stop: () => Promise<void>;
};

/** How much the clients call. */
export type LoadSize = {
  /** Rows of each import; 0 for no imports. */
  readonly importRows: number;
  /** Whether each import registers new names. */
  readonly importsNewNames: boolean;
};

/**
 * Of each replica: a client that writes, one that imports, two that calculate, one over each protocol,
 * and one that repeats charges of any replica. Each waits for its answer before it calls again, as those
 * do who have a job to do.
 */
export function startLoad(writeLog: WriteLog, replicas: readonly Replica[], size: LoadSize): Load {
  const over = new AbortController();
  const isOver = () => over.signal.aborted;
  const clients = replicas.flatMap((replica) => [
    write(writeLog, replica, isOver),
    ...(size.importRows > 0 ? [importRepeatedly(writeLog, replica, size, isOver)] : []),
    ...[replica.grpc, replica.json].map((endpoint) => calculate(writeLog, endpoint, isOver)),
    repeatCharges(writeLog, replica.grpc, isOver),
  ]);
  return {
    stop: async () => {
      over.abort();
      await Promise.all(clients);
    },
  };
}

/** Returns a key without a price, whose model is registered. */
export function nextKey(): TestKey {
  keys += 1;
  return { chargeType: "completion", provider: "acme", model: `model-${keys}` };
}

/** Returns a price that no other write sets. */
export function nextPrice(): string {
  prices += 1;
  return `${prices % 1000}.${String(prices).padStart(6, "0")}1`;
}

/**
 * Creates a key, changes its price several times, now, in the past and in the future, and repeats with the
 * next.
 */
async function write(writeLog: WriteLog, replica: Replica, isOver: () => boolean): Promise<void> {
  while (!isOver()) {
    const key = nextKey();
    let entry = await send(writeLog, createPrice(key, nextPrice()), replica, writeTimeoutMs);
    const createdAt = entry.answer?.effectiveFrom ?? 0;
    for (let i = 0; i < 6 && entry.answer !== undefined && !isOver(); i += 1) {
      const { effectiveFrom, version } = entry.answer;
      await charge(writeLog, replica.json, key, { minVersion: version }, chargeTimeoutMs);
      await sleep(pauseMs);
      if (i === 5) {
        // A scheduled price takes effect while other clients calculate.
        const scheduled = updatePrice(key, nextPrice(), effectiveFrom + 1500);
        entry = await send(writeLog, scheduled, replica, writeTimeoutMs);
        break;
      }
      // What others have been charged is corrected: from the first time on, and from a little later on.
      const from = i === 2 ? createdAt : i === 3 ? createdAt + 10 : undefined;
      const update = updatePrice(key, nextPrice(), from, { correctPast: from !== undefined });
      // The outcome of an unanswered write is unknown: leave the key alone.
      entry = await send(writeLog, update, replica, writeTimeoutMs);
    }
    await sleep(entry.state === "answered" ? pauseMs : pauseAfterFailureMs);
  }
}

async function importRepeatedly(
  writeLog: WriteLog,
  replica: Replica,
  { importRows, importsNewNames }: LoadSize,
  isOver: () => boolean,
): Promise<void> {
  let names = toNames(replica, importRows);
  while (!isOver()) {
    const write = importPrice(names, nextPrice());
    const { state } = await send(writeLog, write, replica, importTimeoutMs);
    if (state === "answered") await chargeAll(writeLog, replica.grpc, names, chargeTimeoutMs);
    if (importsNewNames) names = toNames(replica, importRows);
    await sleep(state === "answered" ? pauseAfterImportMs : pauseAfterFailureMs);
  }
}

/** Calculates for now, for other times, and at versions that another replica has answered. */
async function calculate(
  writeLog: WriteLog,
  endpoint: Endpoint,
  isOver: () => boolean,
): Promise<void> {
  let newest = 0;
  while (!isOver()) {
    const [key, written] = pick([...writeLog.known].slice(-200)) ?? [];
    const wanted = pick([
      {},
      { minVersion: written?.version ?? 0n },
      { asOf: Math.floor((written?.effectiveFrom ?? 0) - 1 + Math.random() * 2000) },
    ]) as Wanted;
    const sentAt = Date.now();
    const seen = key && (await charge(writeLog, endpoint, key, wanted, chargeTimeoutMs));
    if (seen !== undefined && wanted.asOf === undefined && !writeLog.setsDatabaseClock) {
      if (seen.asOf < newest) writeLog.violations.push(`now went back by ${newest - seen.asOf} ms`);
      newest = Math.max(newest, seen.asOf);
      // The clock of PostgreSQL is that of this process. Without a connection "now" stands still.
      const isNow = seen.asOf > sentAt - longestStandstillMs && seen.asOf < Date.now() + 1000;
      if (!isNow) writeLog.violations.push(`now was ${seen.asOf - sentAt} ms from the call`);
    }
    await sleep(seen === undefined ? pauseMs * 4 : pauseMs);
  }
}

/** Repeats charges that any replica has answered, the latest ones too. */
async function repeatCharges(writeLog: WriteLog, endpoint: Endpoint, isOver: () => boolean) {
  while (!isOver()) {
    const latest = pick([10, 1000, 100_000]) ?? 10;
    const seen = pick(writeLog.charges.slice(-latest));
    if (seen?.bookVersion !== undefined) {
      const { key, asOf, bookVersion } = seen;
      const again = await charge(writeLog, endpoint, key, { asOf, bookVersion }, chargeTimeoutMs);
      const difference = again && describeDifference(seen, again);
      if (difference) writeLog.violations.push(difference);
    }
    await sleep(pauseMs);
  }
}

function toNames({ name }: Replica, count: number): readonly TestKey[] {
  imports += 1;
  const model = (i: number) => `${name}-${imports}-${i}`;
  return Array.from({ length: count }, (_, i) => ({
    ...{ chargeType: "completion", provider: "imported", model: model(i) },
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
/** The price book may be stale for 2.5 s, and a call takes up to its timeout. */
const longestStandstillMs = 5000;
const pauseMs = 20;
const pauseAfterImportMs = 1000;
const pauseAfterFailureMs = 200;
