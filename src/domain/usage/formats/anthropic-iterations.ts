import type { CacheWriteBucket } from "../cache-writes.js";
import type { UsagePart } from "../usage.js";
import type { UsageObject } from "../usage-object.js";
import { type BucketCounts, toUsagePart } from "../usage-part.js";
import { type Count, sumOf, type UsageReport } from "../usage-report.js";
import {
  type AnthropicTokens,
  readAnthropicTokens,
  separateReasoning,
  toAnthropicBuckets,
} from "./anthropic-tokens.js";

/** The top level of a usage with iterations. */
export type AnthropicTopLevel = {
  readonly tokens: AnthropicTokens;
  readonly thinking: Count;
  readonly searches: BucketCounts;
  /** The model of the response. Undefined: the caller did not send it. */
  readonly model: string | undefined;
};

/**
 * Converts each iteration to a part of its own. The top level sums those of the type `message`;
 * `compaction` and `advisor_message` are on top of it, the latter at the rates of another model. An
 * iteration of an unknown type is left out: its counts are reported as unknown fields.
 */
export function readIterations(
  list: readonly UsageObject[],
  top: AnthropicTopLevel,
  report: UsageReport,
): readonly UsagePart[] {
  const iterations = list.flatMap(readIteration);
  if (iterations.length === 0) return [toTopPart(top, report)];
  const messages = iterations.filter(({ type }) => type === "message");
  const fallback = iterations.find(({ type }) => type === "fallback_message");
  if (fallback === undefined) checkTopLevel(top.tokens, messages, report);
  else reportFallback(fallback, report);
  const parts = iterations.map((iteration) => {
    const isMessage = iteration.type === "message";
    const { tokens, lifetime } = isMessage
      ? withLifetimes(iteration.tokens, messages, top)
      : iteration;
    // Of several messages nothing says which one reasoned. All of it is charged as output anyway.
    const isAlone = isMessage && messages.length === 1;
    return {
      ...toUsagePart(
        toAnthropicBuckets(tokens, report, lifetime),
        isAlone ? separateReasoning(top.thinking, tokens.output, report) : {},
      ),
      model: isMessage && iteration.model === top.model ? undefined : iteration.model,
    };
  });
  if (messages.length > 0 || fallback !== undefined) return [...parts, ...toParts(top.searches)];
  // Nothing else lists the tokens of the top level.
  return [toTopPart(top, report), ...parts];
}

function toTopPart({ tokens, thinking, searches }: AnthropicTopLevel, report: UsageReport) {
  const reasoning = separateReasoning(thinking, tokens.output, report);
  return toUsagePart(toAnthropicBuckets(tokens, report), reasoning, searches);
}

type Iteration = {
  readonly object: UsageObject;
  readonly type: string;
  readonly model: string | undefined;
  readonly tokens: AnthropicTokens;
  readonly lifetime?: undefined;
};

function readIteration(object: UsageObject): readonly Iteration[] {
  const type = object.word("type") ?? "";
  if (!types.has(type)) return [];
  const model = object.model("model");
  if (type === "advisor_message" && !object.has("model")) object.rejectMissing("model");
  return [{ object, type, model, tokens: readAnthropicTokens(object) }];
}

/** Finds each field of the top level that is not the sum of the messages. */
function checkTopLevel(
  top: AnthropicTokens,
  messages: readonly Iteration[],
  report: UsageReport,
): void {
  for (const field of ["input", "read", "written", "output"] as const) {
    const parts = messages.map(({ tokens }) => tokens[field]);
    // An absent count of cached tokens is 0.
    report.checkSum({ ...top[field], isStated: true }, parts);
  }
  const lifetimes = [top.fiveMinutes, top.oneHour];
  if (lifetimes.some(({ isStated }) => isStated)) report.checkSum(top.written, lifetimes);
}

/**
 * Completes the lifetimes of a message's cache writes with what the top level proves about them.
 */
function withLifetimes(
  tokens: AnthropicTokens,
  messages: readonly Iteration[],
  { tokens: top }: AnthropicTopLevel,
): { readonly tokens: AnthropicTokens; readonly lifetime: CacheWriteBucket | undefined } {
  const { fiveMinutes, oneHour } = top;
  if (tokens.fiveMinutes.isStated || tokens.oneHour.isStated)
    return { tokens, lifetime: undefined };
  if (messages.length === 1)
    return { tokens: { ...tokens, fiveMinutes, oneHour }, lifetime: undefined };
  if (oneHour.value > 0n) {
    return { tokens, lifetime: fiveMinutes.value > 0n ? undefined : "CACHE_WRITE_1H" };
  }
  return { tokens, lifetime: fiveMinutes.value > 0n ? "CACHE_WRITE_5M" : undefined };
}

/**
 * Reports that another model answered after models that declined. Each attempt is a part, but the
 * provider may charge nothing for a declined one, and nothing states how the top level sums them.
 */
function reportFallback({ object, tokens }: Iteration, report: UsageReport): void {
  const count = sumOf([tokens.input, tokens.read, tokens.written, tokens.output]);
  const problem = "is a fallback: attempts that were declined before may cost less than counted";
  report.find("UNKNOWN_FIELD", object.path, count, problem);
}

function toParts(searches: BucketCounts): readonly UsagePart[] {
  const part = toUsagePart(searches);
  return part.quantities.length > 0 ? [part] : [];
}

const types: ReadonlySet<string> = new Set([
  ...["message", "compaction", "advisor_message", "fallback_message"],
]);
