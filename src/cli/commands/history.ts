import { toJsonString } from "@bufbuild/protobuf";
import {
  type LLMPriceRevision,
  LLMPriceRevisionSchema,
} from "../../gen/llmprices/v1/llm_price_pb.js";
import { withConnection } from "../client/client.js";
import type { ConnectionFlags } from "../client/client-settings.js";
import { pagesOfRevisions } from "../client/list-all.js";
import { createTable, type OutputFormat, print, toOneLine } from "../output/print.js";
import { toTimeText } from "../output/times.js";
import { type AudienceFlags, parsePriceArgument } from "../rows/key-text.js";

export type HistoryFlags = ConnectionFlags &
  AudienceFlags & {
    readonly output: OutputFormat;
    readonly superseded?: boolean;
  };

/** Prints a key's timeline, oldest first: a table, or one JSON object per line. @throws Failure */
export async function runHistory(keyText: string, flags: HistoryFlags): Promise<void> {
  const lookup = parsePriceArgument(keyText, flags);
  const showSuperseded = flags.superseded === true;
  const toLines = flags.output === "json" ? toJsonLines : createTableLines(showSuperseded);
  await withConnection(flags, async (connection) => {
    for await (const page of pagesOfRevisions(connection, { lookup, showSuperseded })) {
      await print(toLines(page));
    }
  });
}

function createTableLines(showSuperseded: boolean) {
  const names = ["price", "effective_from", "effective_until", "changed_by", "created_at"];
  const versions = ["book_version", ...(showSuperseded ? ["superseded_in"] : [])];
  const table = createTable([...names, ...versions, "reason"]);
  return (revisions: readonly LLMPriceRevision[]) =>
    table(
      revisions.map((revision) => [
        revision.price ?? "ends",
        toTimeText(revision.effectiveFrom) ?? "",
        toTimeText(revision.effectiveUntil) ?? "",
        revision.changedBy,
        toTimeText(revision.createdAt) ?? "",
        String(revision.bookVersion),
        ...(showSuperseded ? [String(revision.supersededIn ?? "")] : []),
        toOneLine(revision.reason),
      ]),
    );
}

function toJsonLines(revisions: readonly LLMPriceRevision[]): string[] {
  return revisions.map((revision) => toJsonString(LLMPriceRevisionSchema, revision));
}
