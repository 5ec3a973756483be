import { setTimeout as wait } from "node:timers/promises";
import { formatAddress } from "../../src/config/address.js";
import type { TestService } from "./service.js";

/** The calls of a method that are being worked on, as /metrics has them. */
export function callsInFlight(service: TestService, rpc: string): Promise<number> {
  return readMetric(service, `llmprices_calls_in_flight{rpc="${nameOf(rpc)}"}`);
}

/** The calls that threads work on, of all methods: a call has its place until all of it is gone. */
export function offloadedCallsInFlight(service: TestService): Promise<number> {
  return readMetric(service, "llmprices_bulk_calls_in_flight");
}

/** The calls that were refused because threads had as many as they take. */
export function rejectedOffloadedCalls(service: TestService): Promise<number> {
  return readMetric(service, "llmprices_bulk_refusals_total");
}

/** The calls of a method that ended with a code, as /metrics has them: `canceled`. */
export function callsEnded(service: TestService, rpc: string, code: string): Promise<number> {
  return readMetric(service, `llmprices_calls_total{rpc="${nameOf(rpc)}",code="${code}"}`);
}

/** Polls until a condition holds; the test's time limits how long. */
export async function until(condition: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await condition())) await wait(5);
}

async function readMetric({ server }: TestService, name: string): Promise<number> {
  const answer = await fetch(`http://${formatAddress(server.opsAddress)}/metrics`);
  const lines = (await answer.text()).split("\n");
  const line = lines.find((each) => each.startsWith(`${name} `));
  return line === undefined ? 0 : Number(line.slice(name.length));
}

function nameOf(rpc: string): string {
  return `llmprices.v1.PricingService/${rpc}`;
}
