import { setTimeout as sleep } from "node:timers/promises";
import type { Replica } from "../environment/replica.js";
import { charge } from "../load/charges.js";
import { nextKey, nextPrice } from "../load/load.js";
import type { WriteLog } from "../load/write-log.js";
import { createPrice, send } from "../load/writes.js";

/**
 * Returns how many seconds it takes until every replica has answered a write, and a calculation that
 * needs this write. Calls again when a call fails, or has waited for a second.
 *
 * @throws Error when a replica does not recover in 90 seconds.
 */
export async function recover(writeLog: WriteLog, replicas: readonly Replica[]): Promise<number> {
  return Math.max(...(await Promise.all(replicas.map((replica) => answer(writeLog, replica)))));
}

async function answer(writeLog: WriteLog, replica: Replica): Promise<number> {
  const startedAt = performance.now();
  let answeredAt: number | undefined;
  const probes: Promise<void>[] = [];
  const probe = async () => {
    const key = nextKey();
    const { answer } = await send(writeLog, createPrice(key, nextPrice()), replica, probeTimeoutMs);
    const wanted = answer && { minVersion: answer.version };
    if (wanted && (await charge(writeLog, replica.grpc, key, wanted, probeTimeoutMs))) {
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
  // The write log must have the outcome of the calls that are still waiting.
  await Promise.all(probes);
  return (answeredAt - startedAt) / 1000;
}

const patienceMs = 1000;
const pauseMs = 200;
const probeTimeoutMs = 5000;
const limitMs = 90_000;
