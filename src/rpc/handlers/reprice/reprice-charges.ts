import type { ServiceImpl } from "@connectrpc/connect";
import type { ReserveBytes } from "../../../domain/charges/account-lookup.js";
import { invalidField } from "../../../domain/domain-error.js";
import type {
  CalculateChargeRequest,
  PricingService,
} from "../../../gen/llmprices/v1/pricing_service_pb.js";
import { addFacts } from "../../call/call-facts.js";
import { abortable } from "../../call/until-aborted.js";
import { parseFirstMessage } from "../../messages/reprice/reprice-request.js";
import { splitMessages } from "../../messages/reprice/reprice-stream.js";
import { bytesOfLines } from "../batch-lines.js";
import type { PricingDependencies } from "../dependencies.js";
import { planStreamedDraft } from "./plan-draft.js";
import { type LineReceiver, repriceLines } from "./reprice-lines.js";
import { RepriceReport } from "./reprice-report.js";
import { toRepriceMessages } from "./reprice-responses.js";

/** Creates the handler that compares charges with those of a draft. It writes nothing. */
export function repriceMethods(
  dependencies: PricingDependencies,
): Pick<ServiceImpl<typeof PricingService>, "repriceCharges"> {
  return {
    async *repriceCharges(requests, context) {
      const { reserve } = dependencies.memoryOf(context);
      const messages = abortable(requests, context.signal);
      const first = await messages.next();
      const terms = parseFirstMessage(first.value);
      const { rows, lines } = splitMessages(first.value, messages);
      const draft = await planStreamedDraft(dependencies, context, terms, rows);
      const { maxAllocationAccounts } = dependencies;
      const report = new RepriceReport(terms.grouping, maxAllocationAccounts, reserve);
      const receive: LineReceiver = (request, result) => report.add(request, result);
      const reserveSlice = createSliceMemory(reserve);
      for await (const message of lines) {
        for (const slice of toSlices(message)) {
          reserveSlice(slice);
          await repriceLines(dependencies, context, draft, slice, receive);
        }
      }
      const { lines: count, changed, errors } = report.counts;
      if (count === 0) throw invalidField("lines", "is required: at least one line");
      addFacts(context, {
        ...{ rows: draft.rowCount, lines: count, changed_lines: changed, line_errors: errors },
        book_version: Number(draft.bookVersion),
      });
      yield* toRepriceMessages(report, draft, reserve);
    },
  };
}

/** Yields the lines of a message, some at a time: the memory of a call does not depend on their number. */
function* toSlices(
  lines: readonly CalculateChargeRequest[],
): Generator<readonly CalculateChargeRequest[]> {
  for (let from = 0; from < lines.length; from += sliceSize)
    yield lines.slice(from, from + sliceSize);
}

/** Reserves memory for the largest slice so far. */
function createSliceMemory(reserve: ReserveBytes) {
  let reserved = 0;
  return (lines: readonly CalculateChargeRequest[]) => {
    const bytes = bytesOfLines(lines);
    if (bytes <= reserved) return;
    reserve(bytes - reserved);
    reserved = bytes;
  };
}

const sliceSize = 2000;
