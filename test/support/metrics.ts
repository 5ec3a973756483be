import { setTimeout as wait } from "node:timers/promises";
import { formatAddress } from "../../src/config/address.js";
import type { TestService } from "./service.js";

/** Reads from /metrics the number of a method's calls in flight. */
export function callsInFlight(service: TestService, rpc: string): Promise<number> {
  return readMetric(service, `llmprices_calls_in_flight{rpc="${nameOf(rpc)}"}`);
}

/** Reads the number of calls in worker threads. A call counts until all of its data is released. */
export function offloadedCallsInFlight(service: TestService): Promise<number> {
  return readMetric(service, "llmprices_bulk_calls_in_flight");
}

/** Reads the number of calls that were rejected because the worker threads had no room. */
export function rejectedOffloadedCalls(service: TestService): Promise<number> {
  return readMetric(service, "llmprices_bulk_refusals_total");
}

/** Reads how much memory large calls hold, and their limit, in bytes. */
export async function offloadMemory(
  service: TestService,
): Promise<{ inUse: number; limit: number }> {
  const lines = await readMetrics(service);
  return {
    inUse: valueIn(lines, "llmprices_bulk_memory_bytes"),
    limit: valueIn(lines, "llmprices_bulk_memory_max_bytes"),
  };
}

/** Reads from /metrics the number of a method's calls that ended with a code, like `canceled`. */
export function callsEnded(service: TestService, rpc: string, code: string): Promise<number> {
  return readMetric(service, `llmprices_calls_total{rpc="${nameOf(rpc)}",code="${code}"}`);
}

/** Polls until a condition holds. The test's timeout limits the wait. */
export async function until(condition: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await condition())) await wait(20);
}

async function readMetric(service: TestService, name: string): Promise<number> {
  return valueIn(await readMetrics(service), name);
}

async function readMetrics({ server }: TestService): Promise<readonly string[]> {
  const response = await fetch(`http://${formatAddress(server.opsAddress)}/metrics`);
  return (await response.text()).split("\n");
}

function valueIn(lines: readonly string[], name: string): number {
  const line = lines.find((each) => each.startsWith(`${name} `));
  return line === undefined ? 0 : Number(line.slice(name.length));
}

function nameOf(rpc: string): string {
  return `llmprices.v1.PricingService/${rpc}`;
}
