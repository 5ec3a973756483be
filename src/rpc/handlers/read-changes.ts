import type { ServiceImpl } from "@connectrpc/connect";
import { raceAbort } from "../../async/race-abort.js";
import { parseAll } from "../../domain/field-errors.js";
import type { PricingService } from "../../gen/llmprices/v1/pricing_service_pb.js";
import { type Call, inListTransaction, smallReadRows } from "../../store/connection/transaction.js";
import {
  afterVersion,
  type ChangePosition,
  listChanges,
  type PriceChange,
} from "../../store/prices/price-changes.js";
import { bookVersion } from "../../store/prices/timelines.js";
import { parseVersion, requireReached } from "../messages/book-version.js";
import { parseChangeToken, toChangeToken } from "../messages/change-token.js";
import { cutPage, maxPageSize, parsePageSize, toPage } from "../messages/pagination.js";
import { toPriceChangeMessage } from "../messages/price-messages.js";
import type { PricingDependencies } from "./dependencies.js";

type PriceChanges = Pick<
  ServiceImpl<typeof PricingService>,
  "listLLMPriceChanges" | "watchLLMPriceChanges"
>;

/** Changes up to a version, and perhaps one more than wanted. */
type Changes = { readonly newest: bigint; readonly changes: readonly PriceChange[] };

/** Creates the handlers that read what each version of the price book changed. */
export function priceChanges({ knex, waitForChange }: PricingDependencies): PriceChanges {
  /** Reads changes after a position, up to a version or the newest one. */
  const read = (
    call: Call,
    after: bigint,
    position: ChangePosition | undefined,
    upTo: bigint | undefined,
    limit: number,
  ): Promise<Changes> =>
    inListTransaction(knex, call, limit, async (transaction) => {
      const newest = upTo ?? (await bookVersion(transaction));
      requireReached(newest, "after_book_version", after);
      const from = position ?? afterVersion(after);
      return { newest, changes: await listChanges(transaction, from, newest, limit) };
    });

  /** The running reads of all watches, by the version after which they read. */
  const sharedReads = new Map<bigint, Promise<Changes>>();

  /** Reads the first changes after a version, once for all watches that wait for the same. */
  const readShared = (after: bigint, signal: AbortSignal): Promise<Changes> => {
    let shared = sharedReads.get(after);
    if (shared === undefined) {
      shared = read(sharedCall, after, undefined, undefined, smallReadRows);
      sharedReads.set(after, shared);
      const forget = () => sharedReads.delete(after);
      shared.then(forget, forget);
    }
    return raceAbort(shared, signal);
  };

  return {
    async listLLMPriceChanges(request, context) {
      const { after, pageSize, token } = parseAll({
        after: () => parseVersion("after_book_version", request.afterBookVersion),
        pageSize: () => parsePageSize(request.pageSize, { whenUnset: maxPageSize }),
        token: () => parseChangeToken(request.pageToken, request.afterBookVersion),
      });
      const { position, newest: upTo } = token ?? {};
      const readUpTo = (newest: bigint | undefined, limit: number) =>
        read(context, after, position, newest, limit);
      // Pages are large by default, but most lists are short and need not wait for a turn.
      const first = await readUpTo(upTo, Math.min(pageSize + 1, smallReadRows));
      const isLonger = pageSize >= smallReadRows && first.changes.length === smallReadRows;
      const { newest, changes } = isLonger ? await readUpTo(first.newest, pageSize + 1) : first;
      const { page, nextPageToken } = toPage(
        changes,
        pageSize,
        (last) => toChangeToken(after, newest, last),
        reasonOf,
      );
      return {
        llmPriceChanges: page.map(toPriceChangeMessage),
        nextPageToken,
        bookVersion: newest,
      };
    },

    async *watchLLMPriceChanges(request, context) {
      let sent = parseVersion("after_book_version", request.afterBookVersion);
      for (;;) {
        let position: ChangePosition | undefined;
        let upTo: bigint | undefined;
        do {
          // Most changes are small. What is missing at the start may be much.
          const limit = position === undefined ? smallReadRows : maxPageSize + 1;
          const { newest, changes } =
            position === undefined
              ? await readShared(sent, context.signal)
              : await read(context, sent, position, upTo, limit);
          const { page, hasMore } = cutPage(changes, limit - 1, reasonOf);
          position = hasMore ? page.at(-1) : undefined;
          upTo = newest;
          const llmPriceChanges = page.map(toPriceChangeMessage);
          yield { llmPriceChanges, ...(position === undefined && { bookVersion: newest }) };
        } while (position !== undefined);
        sent = upTo;
        // Ends without an error when the time of the call is nearly over: the client calls again.
        const leftMs = () => (context.timeoutMs() ?? Number.POSITIVE_INFINITY) - endsEarlierMs;
        const waitMs = Math.min(heartbeatMs, leftMs());
        if (waitMs <= 0) return;
        const isServing = await waitForChange(sent, waitMs, context.signal);
        if (!isServing || leftMs() <= 0) return;
      }
    },
  };
}

function reasonOf({ revision }: PriceChange): string {
  return revision.reason;
}

/** Also without a change a message is sent, so that nothing between the two ends takes the stream for dead. */
const heartbeatMs = 30_000;
const endsEarlierMs = 1000;

/** Not the call of a watch: each of them may end before the others. */
const sharedCall: Call = {
  signal: new AbortController().signal,
  timeoutMs: () => 10_000,
  limitKey: "watches",
};
