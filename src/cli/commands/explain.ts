import { toJsonString } from "@bufbuild/protobuf";
import { toKeyText } from "../../domain/price-key.js";
import { CandidateState, type LLMPriceCandidate } from "../../gen/llmprices/v1/llm_price_pb.js";
import {
  type ExplainLLMPriceResponse,
  ExplainLLMPriceResponseSchema,
} from "../../gen/llmprices/v1/pricing_service_pb.js";
import { withConnection } from "../client/client.js";
import type { ConnectionFlags } from "../client/client-settings.js";
import { createTable, type OutputFormat, print, toOneLine } from "../output/print.js";
import { parseTime, toTimeText } from "../output/times.js";
import { type AudienceFlags, parseKeyArgument } from "../rows/key-text.js";

export type ExplainFlags = ConnectionFlags &
  AudienceFlags & {
    readonly output: OutputFormat;
    readonly asOf?: string;
    readonly bookVersion?: bigint;
    readonly minBookVersion?: bigint;
  };

/** Calls ExplainLLMPrice and prints the prices that match, the most specific first. @throws Failure */
export async function runExplain(keyText: string, flags: ExplainFlags): Promise<void> {
  const { asOf, bookVersion, minBookVersion } = flags;
  const key = parseKeyArgument(keyText, flags);
  const response = await withConnection(flags, ({ pricing }) =>
    pricing.explainLLMPrice({
      ...key,
      ...(asOf !== undefined && { asOf: parseTime("--as-of", asOf) }),
      ...(bookVersion !== undefined && { bookVersion }),
      ...(minBookVersion !== undefined && { minBookVersion }),
    }),
  );
  const toJson = () => [toJsonString(ExplainLLMPriceResponseSchema, response)];
  await print(flags.output === "json" ? toJson() : toLines(toKeyText(key), response));
}

function toLines(
  request: string,
  { candidates, applied, markup, asOf, bookVersion }: ExplainLLMPriceResponse,
): string[] {
  const table = createTable([
    ...["", "key", "price", "effective_from", "effective_until", "changed_by", "reason"],
  ]);
  const result = applied === undefined ? "no price applies" : `${markup} applies`;
  return [
    `${request}: ${result}, as of ${toTimeText(asOf)}, book version ${bookVersion}`,
    ...(candidates.length > 0 ? table(candidates.map(toCells)) : []),
  ];
}

function toCells({ llmPrice, state, changedBy, reason }: LLMPriceCandidate): string[] {
  return [
    states[state],
    llmPrice === undefined ? "" : toKeyText(llmPrice),
    llmPrice?.price ?? "",
    toTimeText(llmPrice?.effectiveFrom) ?? "",
    toTimeText(llmPrice?.effectiveUntil) ?? "",
    ...[changedBy, toOneLine(reason)],
  ];
}

const states: Readonly<Record<CandidateState, string>> = {
  [CandidateState.UNSPECIFIED]: "",
  [CandidateState.APPLIED]: "applied",
  [CandidateState.SHADOWED]: "shadowed",
  [CandidateState.ENDED]: "ended",
  [CandidateState.NOT_YET]: "not yet",
};
