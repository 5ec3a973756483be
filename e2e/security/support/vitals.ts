import { once } from "node:events";
import { readdir, readFile } from "node:fs/promises";
import { get } from "node:http";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { residentBytes } from "../../../bench/support/memory.js";
import type { Target } from "./target.js";

/** The resources of a process. */
export type Vitals = {
  readonly connections: number;
  readonly descriptors: number;
  readonly callsInFlight: number;
  readonly residentBytes: number;
  /** Heap and buffers of its main thread. */
  readonly heapBytes: number;
};

export async function readVitals(target: Target): Promise<Vitals> {
  const metrics = await readText(target.metricsUrl);
  return {
    connections: await countConnections(target),
    descriptors: (await readdir(`/proc/${target.processId}/fd`)).length,
    callsInFlight: sumOf(metrics, "llmprices_calls_in_flight"),
    residentBytes: await residentBytes(target.processId),
    heapBytes:
      sumOf(metrics, "nodejs_heap_size_used_bytes") +
      sumOf(metrics, "nodejs_external_memory_bytes"),
  };
}

/**
 * Waits until there are as few connections as at the start and no calls, collects garbage, and returns
 * the vitals. Returns the last ones if that takes longer than `limitMs`.
 */
export async function readSettledVitals(
  target: Target,
  start: Vitals,
  limitMs: number,
): Promise<Vitals> {
  const endsAt = performance.now() + limitMs;
  for (;;) {
    // Finalizers of the first collection may free more.
    for (let i = 0; i < 3; i += 1) {
      collectGarbage(target);
      await sleep(settlingMs);
    }
    const vitals = await readVitals(target);
    if (whatIsLeft(vitals, start) === undefined || performance.now() > endsAt) return vitals;
  }
}

/** Returns what disconnected callers left behind. */
export function whatIsLeft(vitals: Vitals, start: Vitals): string | undefined {
  const { connections, descriptors, callsInFlight } = vitals;
  if (callsInFlight > 0) return `${callsInFlight} calls are still in flight`;
  if (connections > start.connections) {
    return `${connections - start.connections} connections of callers are still open`;
  }
  if (descriptors > start.descriptors + databaseConnections) {
    return `${descriptors} file descriptors are open, ${start.descriptors} were before`;
  }
  return undefined;
}

/** Reads a URL over a new connection: a kept one may be closed at the same moment. */
async function readText(url: string): Promise<string> {
  const [response] = await once(get(url, { agent: false }), "response");
  return text(response);
}

function collectGarbage({ processId }: Target): void {
  process.kill(processId, "SIGUSR2");
}

/** Counts the connections of callers, except to the ops server, from proc_pid_net_tcp(5). */
async function countConnections({ processId, grpc, http }: Target): Promise<number> {
  const ports = new Set([grpc.port, http.port]);
  const lines = (await readFile(`/proc/${processId}/net/tcp`, "utf8")).trim().split("\n").slice(1);
  return lines.filter((line) => {
    const [, local = "", , state = "", , , , , , inode] = line.trim().split(/\s+/);
    // The kernel keeps entries of closed connections, which belong to no process.
    const isHeld = inode !== "0" && state !== listening;
    return isHeld && ports.has(Number.parseInt(local.split(":")[1] ?? "", 16));
  }).length;
}

function sumOf(metrics: string, name: string): number {
  const lines = metrics.matchAll(new RegExp(`^${name}(?:\\{.*\\})? (\\S+)$`, "gm"));
  return [...lines].reduce((sum, [, value]) => sum + Number(value), 0);
}

const listening = "0A";
/** The pools of the service, its worker threads and the price book connect when needed. */
const databaseConnections = 24;
const settlingMs = 250;
