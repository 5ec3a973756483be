import { Decimal } from "../../decimal.js";
import type { UsageObject } from "../usage-object.js";

/** What both usage objects of xAI have beside tokens. */
export type XaiExtras = {
  readonly reportedCost: Decimal | undefined;
  readonly webSearches: bigint;
};

/**
 * Reads the cost, which xAI states in units of 10^-10 dollars (xai-sdk 1.21.0), and the web
 * searches. Other server-side tools, and sources, have no bucket and stay unknown.
 */
export function readXaiExtras(usage: UsageObject): XaiExtras {
  const tools = usage.object("server_side_tool_usage_details");
  // Their number is the sum of the details.
  if (usage.has("server_side_tool_usage_details")) usage.ignore("num_server_side_tools_used");
  // The size of the last context, whose tokens are counted already.
  usage.ignore("context_details");
  return {
    reportedCost: readTicks(usage)?.times("1e-10"),
    webSearches: tools.count("web_search_calls").value,
  };
}

/** Reads a count that ProtoJSON writes as a text, because it has 64 bits. */
function readTicks(usage: UsageObject): Decimal | undefined {
  const name = "cost_in_usd_ticks";
  const value = usage.get(name);
  if (typeof value === "string" && wholePattern.test(value)) return new Decimal(value);
  const ticks = usage.count(name);
  return ticks.isStated ? new Decimal(ticks.value) : undefined;
}

const wholePattern = /^\d{1,18}$/;
