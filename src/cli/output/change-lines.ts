import { toJsonString } from "@bufbuild/protobuf";
import { toKeyText } from "../../domain/price-key.js";
import {
  type LLMPriceChange,
  LLMPriceChangeSchema,
  RevisionChangeKind,
} from "../../gen/llmprices/v1/llm_price_pb.js";
import { createTable, type OutputFormat, toOneLine } from "./print.js";
import { toTimeText } from "./times.js";

/** Returns a function that formats changes of the price book, one on each line. */
export function createChangeLines(
  output: OutputFormat,
): (changes: readonly LLMPriceChange[]) => string[] {
  if (output === "json") {
    return (changes) => changes.map((change) => toJsonString(LLMPriceChangeSchema, change));
  }
  const table = createTable([
    ...["book_version", "change", "key", "price", "effective_from", "changed_by", "reason"],
  ]);
  return (changes) => table(changes.map(toCells));
}

function toCells({ bookVersion, kind, key, revision }: LLMPriceChange): string[] {
  return [
    String(bookVersion),
    kinds[kind],
    key === undefined ? "" : toKeyText(key),
    revision?.price ?? "ends",
    toTimeText(revision?.effectiveFrom) ?? "",
    // Of a revision that was taken back, the service knows only who wrote it.
    ...(kind === RevisionChangeKind.WRITTEN
      ? [revision?.changedBy ?? "", toOneLine(revision?.reason ?? "")]
      : ["", ""]),
  ];
}

const kinds: Readonly<Record<RevisionChangeKind, string>> = {
  [RevisionChangeKind.UNSPECIFIED]: "",
  [RevisionChangeKind.WRITTEN]: "written",
  [RevisionChangeKind.SUPERSEDED]: "superseded",
};
