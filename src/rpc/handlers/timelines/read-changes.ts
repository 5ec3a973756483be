import type { HandlerContext } from "@connectrpc/connect";
import { raceAbort } from "../../../async/race-abort.js";
import { parseAll } from "../../../domain/field-errors.js";
import {
  type Call,
  inListTransaction,
  smallReadRows,
} from "../../../store/connection/transaction.js";
import {
  afterVersion,
  type ChangePosition,
  listChanges,
  type TimelineChange,
} from "../../../store/timelines/timeline-changes.js";
import type { TimelineTable } from "../../../store/timelines/timeline-table.js";
import { bookVersion } from "../../../store/timelines/timelines.js";
import { parseVersion, requireReached } from "../../messages/book-version.js";
import { parseChangeToken, toChangeToken } from "../../messages/change-token.js";
import { cutPage, maxPageSize, parsePageSize, toPage } from "../../messages/pagination.js";
import type { PricingDependencies } from "../dependencies.js";

/** Reads what each version of the price book changed in the timelines of one kind. */
export type ChangeReader<C> = {
  /** Returns one page of changes. @throws DomainError INVALID_FIELD or BOOK_BEHIND */
  readonly list: (
    request: ListRequest,
    context: HandlerContext,
  ) => Promise<{
    readonly page: readonly C[];
    readonly nextPageToken: string;
    readonly bookVersion: bigint;
  }>;
  /** Yields changes as they are committed, and the version up to which all have been yielded. */
  readonly watch: (
    afterBookVersion: bigint,
    context: HandlerContext,
  ) => AsyncGenerator<{ readonly page: readonly C[]; readonly bookVersion: bigint | undefined }>;
};

type ListRequest = {
  readonly afterBookVersion: bigint;
  readonly pageSize: number;
  readonly pageToken: string;
};

/**
 * Creates the reader of one kind. A page has at most `most` changes. `textOf` returns the long text of a
 * change, which limits a page too.
 */
export function createChangeReader<K, V>(
  { knex, waitForChange }: Pick<PricingDependencies, "knex" | "waitForChange">,
  table: TimelineTable<K, V>,
  textOf: (change: TimelineChange<K, V>) => string,
  most = maxPageSize,
): ChangeReader<TimelineChange<K, V>> {
  /** Changes up to a version, and perhaps one more than wanted. */
  type Changes = {
    readonly newest: bigint;
    readonly changes: readonly TimelineChange<K, V>[];
  };

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
      return {
        newest,
        changes: await listChanges(transaction, table, from, newest, limit),
      };
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
    async list(request, context) {
      const { after, pageSize, token } = parseAll({
        after: () => parseVersion("after_book_version", request.afterBookVersion),
        pageSize: () => Math.min(parsePageSize(request.pageSize, { whenUnset: most }), most),
        token: () => parseChangeToken(table.keys, request.pageToken, request.afterBookVersion),
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
        (last) => toChangeToken(table.keys, after, newest, last),
        textOf,
      );
      return { page, nextPageToken, bookVersion: newest };
    },

    async *watch(afterBookVersion, context) {
      let sent = parseVersion("after_book_version", afterBookVersion);
      for (;;) {
        let position: ChangePosition | undefined;
        let upTo: bigint | undefined;
        do {
          // Most changes are small. What is missing at the start may be much.
          const limit = position === undefined ? smallReadRows : most + 1;
          const { newest, changes } =
            position === undefined
              ? await readShared(sent, context.signal)
              : await read(context, sent, position, upTo, limit);
          const { page, hasMore } = cutPage(changes, limit - 1, textOf);
          position = hasMore ? page.at(-1) : undefined;
          upTo = newest;
          yield { page, bookVersion: position === undefined ? newest : undefined };
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

/** Also without a change a message is sent, so that nothing between the two ends takes the stream for dead. */
const heartbeatMs = 30_000;
const endsEarlierMs = 1000;

/** Not the call of a watch: each of them may end before the others. */
const sharedCall: Call = {
  signal: new AbortController().signal,
  timeoutMs: () => 10_000,
  limitKey: "watches",
};
