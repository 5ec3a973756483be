import { setTimeout as sleep } from "node:timers/promises";
import type { TestKey } from "../../test/support/prices.js";
import type { Replica } from "../fault-injection/environment/replica.js";
import { type Kind, kinds, make } from "./calls.js";

/** The number of calls of each kind, and their problems. */
export type CallsMade = {
  readonly counts: ReadonlyMap<string, number>;
  readonly problems: readonly string[];
};

/** Creates prices, then makes calls of every kind at a moderate rate until it is stopped. */
export async function startSoakLoad(
  service: Replica,
): Promise<{ readonly stop: () => Promise<CallsMade> }> {
  const keys = Array.from({ length: keyCount }, (_, i) => ({
    ...{ chargeType: "completion", provider: "acme", model: `model-${i + 1}` },
  }));
  for (const key of keys) await service.grpc.pricing.createLLMPrice({ ...key, price: "1.25" });
  const counts = new Map(kinds.map(({ name }) => [name, 0]));
  const problems: string[] = [];
  let isOver = false;
  const callRepeatedly = async (endpoint: Replica["grpc"]) => {
    while (!isOver) {
      const kind = pick(drawn);
      const problem = await make(kind, endpoint, pick(keys));
      counts.set(kind.name, (counts.get(kind.name) ?? 0) + 1);
      if (problem !== undefined) problems.push(problem);
      await sleep(Math.random() * 2 * meanPauseMs);
    }
  };
  const { grpc, json } = service;
  const clients = [grpc, grpc, grpc, json, json].map(callRepeatedly);
  return {
    stop: async () => {
      isOver = true;
      await Promise.all(clients);
      return { counts, problems };
    },
  };
}

/** Lists each kind as often as its weight says. */
const drawn: readonly Kind[] = kinds.flatMap((kind) =>
  Array.from({ length: kind.weight }, () => kind),
);

function pick<T extends Kind | TestKey>(choices: readonly T[]): T {
  return choices[Math.floor(Math.random() * choices.length)] as T;
}

const keyCount = 200;
const meanPauseMs = 40;
