import type { HandlerContext, ServiceImpl } from "@connectrpc/connect";
import { parseAll } from "../../domain/field-errors.js";
import type { PricingService } from "../../gen/llmprices/v1/pricing_service_pb.js";
import { inTransaction } from "../../store/connection/transaction.js";
import {
  afterVersion,
  type ChangePosition,
  listChanges,
  type PriceChange,
} from "../../store/prices/price-changes.js";
import { bookVersion } from "../../store/prices/timelines.js";
import { parseVersion, requireVersion } from "../messages/book-version.js";
import { parseChangeToken, toChangeToken } from "../messages/change-token.js";
import { cutPage, maxPageSize, parsePageSize, toPage } from "../messages/pagination.js";
import { toPriceChangeMessage } from "../messages/price-messages.js";
import type { PricingDependencies } from "./dependencies.js";

type PriceChanges = Pick<
  ServiceImpl<typeof PricingService>,
  "listLLMPriceChanges" | "watchLLMPriceChanges"
>;

/** Creates the handlers that read what each version of the price book changed. */
export function priceChanges({ knex, waitForChange }: PricingDependencies): PriceChanges {
  /** Reads changes after a position, up to a version or the newest one. */
  const read = (
    context: HandlerContext,
    after: bigint,
    position: ChangePosition | undefined,
    upTo: bigint | undefined,
    limit: number,
  ) =>
    inTransaction(knex, context, async (transaction) => {
      const newest = upTo ?? (await bookVersion(transaction));
      requireVersion(newest, { bookVersion: undefined, minBookVersion: after });
      const from = position ?? afterVersion(after);
      return { newest, changes: await listChanges(transaction, from, newest, limit) };
    });

  return {
    async listLLMPriceChanges(request, context) {
      const { after, pageSize, token } = parseAll({
        after: () => parseVersion("after_book_version", request.afterBookVersion),
        pageSize: () => parsePageSize(request.pageSize, { whenUnset: maxPageSize }),
        token: () => parseChangeToken(request.pageToken, request.afterBookVersion),
      });
      const { position, newest: upTo } = token ?? {};
      const { newest, changes } = await read(context, after, position, upTo, pageSize + 1);
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
          const { newest, changes } = await read(context, sent, position, upTo, maxPageSize + 1);
          const { page, hasMore } = cutPage(changes, maxPageSize, reasonOf);
          position = hasMore ? page.at(-1) : undefined;
          upTo = newest;
          const llmPriceChanges = page.map(toPriceChangeMessage);
          yield { llmPriceChanges, ...(position === undefined && { bookVersion: newest }) };
        } while (position !== undefined);
        sent = upTo;
        if (!(await waitForChange(sent, heartbeatMs, context))) return;
      }
    },
  };
}

function reasonOf({ revision }: PriceChange): string {
  return revision.reason;
}

/** Also without a change a message is sent, so that nothing between the two ends takes the stream for dead. */
const heartbeatMs = 30_000;
