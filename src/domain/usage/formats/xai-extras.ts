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
  const ticks = usage.count("cost_in_usd_ticks");
  const tools = usage.object("server_side_tool_usage_details");
  // Their number is the sum of the details.
  if (usage.has("server_side_tool_usage_details")) usage.ignore("num_server_side_tools_used");
  // The size of the last context, whose tokens are counted already.
  usage.ignore("context_details");
  return {
    reportedCost: ticks.isStated ? new Decimal(ticks.value).times("1e-10") : undefined,
    webSearches: tools.count("web_search_calls").value,
  };
}
