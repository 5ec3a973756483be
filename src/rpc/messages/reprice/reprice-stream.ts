import { invalidField } from "../../../domain/domain-error.js";
import type { LLMPriceImportRow } from "../../../gen/llmprices/v1/llm_price_import_pb.js";
import type {
  CalculateChargeRequest,
  RepriceChargesRequest,
} from "../../../gen/llmprices/v1/pricing_service_pb.js";
import { rejectLaterFields } from "./reprice-request.js";

/** The parts of a stream. Read the rows to their end before the lines. */
export type RepriceStream = {
  readonly rows: AsyncGenerator<{ readonly rows: readonly LLMPriceImportRow[] }>;
  readonly lines: AsyncGenerator<readonly CalculateChargeRequest[]>;
};

/** Splits the messages of a stream into the rows of the draft and the lines, which follow them. */
export function splitMessages(
  first: RepriceChargesRequest | undefined,
  later: AsyncIterator<RepriceChargesRequest>,
): RepriceStream {
  let message = first;
  const readNext = async () => {
    const next = await later.next();
    message = next.done ? undefined : next.value;
    if (message !== undefined) rejectLaterFields(message);
  };
  async function* readRows() {
    while (message !== undefined) {
      const rows = message.draft?.rows ?? [];
      if (rows.length > 0) yield { rows };
      if (message.lines.length > 0) return;
      await readNext();
    }
  }
  async function* readLines() {
    while (message !== undefined) {
      if (message.lines.length > 0) yield message.lines;
      await readNext();
      if ((message?.draft?.rows.length ?? 0) > 0) throw rowsAfterLines();
    }
  }
  return { rows: readRows(), lines: readLines() };
}

function rowsAfterLines() {
  const allowed = "in messages before the first one with lines, or in that one";
  return invalidField("draft.rows", `follows after lines; allowed: ${allowed}`);
}
