import { setTimeout as sleep } from "node:timers/promises";
import type { Replica } from "../environment/replica.js";
import { charge } from "../load/charges.js";
import { nextKey, nextPrice } from "../load/load.js";
import type { Ledger } from "../load/write-log.js";
import { createPrice, send } from "../load/writes.js";

/**
 * How long it takes from now, in seconds, until every replica has answered a write, and a calculation
 * that needs it. Nobody helps: a new caller comes as soon as the one before is refused, or has waited for a second.
 *
 * @throws Error when that takes longer than anybody would wait.
 */
export async function recover(ledger: Ledger, replicas: readonly Replica[]): Promise<number> {
  return Math.max(...(await Promise.all(replicas.map((replica) => answer(ledger, replica)))));
}

async function answer(ledger: Ledger, replica: Replica): Promise<number> {
  const startedAt = performance.now();
  let answeredAt: number | undefined;
  const probes: Promise<void>[] = [];
  const probe = async () => {
    const key = nextKey();
    const { answer } = await send(ledger, createPrice(key, nextPrice()), replica, probeTimeoutMs);
    const wanted = answer && { minVersion: answer.version };
    if (wanted && (await charge(ledger, replica.grpc, key, wanted, probeTimeoutMs))) {
      answeredAt ??= performance.now();
    }
  };
  while (answeredAt === undefined) {
    if (performance.now() - startedAt > limitMs) {
      throw new Error(`${replica.name} does not write and calculate within ${limitMs / 1000} s`);
    }
    const sent = probe();
    probes.push(sent);
    await Promise.race([sent, sleep(patienceMs)]);
    await sleep(pauseMs);
  }
  // Whoever waits still gets an answer of some kind, which the ledger has to know.
  await Promise.all(probes);
  return (answeredAt - startedAt) / 1000;
}

const patienceMs = 1000;
const pauseMs = 200;
const probeTimeoutMs = 5000;
const limitMs = 60_000;
