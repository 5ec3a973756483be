import { setTimeout as wait } from "node:timers/promises";
import type { LLMPriceChange } from "../../gen/llmprices/v1/llm_price_pb.js";
import { isDeadlineExceeded, isTransientError } from "./call-errors.js";
import type { Connection } from "./client.js";

export type WatchOptions = {
  /** Only changes of later versions of the price book. */
  readonly afterBookVersion: bigint;
  /** Ends the generator. */
  readonly signal: AbortSignal;
  /** Called when the connection is lost, before the next try. */
  readonly onConnectionLost: (error: Error) => void;
};

/**
 * Yields each change of the price book once, when it has been committed. When the stream ends, it
 * calls again: at the service's limit for streams, and when the connection is lost.
 *
 * @throws ConnectError when the first call fails before it has sent a message, or with an error that
 *   another try cannot help.
 */
export async function* watchChanges(
  { pricing }: Pick<Connection, "pricing">,
  { afterBookVersion, signal, onConnectionLost }: WatchOptions,
): AsyncGenerator<readonly LLMPriceChange[]> {
  /** The last version of which all changes have been received. */
  let complete = afterBookVersion;
  /** The number of changes that have been received of later versions. */
  let receivedAfter = 0;
  let hasConnected = false;
  let failures = 0;
  while (!signal.aborted) {
    // The service sends changes in the same order again.
    let repeated = receivedAfter;
    try {
      const stream = pricing.watchLLMPriceChanges({ afterBookVersion: complete }, { signal });
      for await (const { llmPriceChanges, bookVersion } of stream) {
        hasConnected = true;
        failures = 0;
        const changes = llmPriceChanges.slice(repeated);
        repeated -= llmPriceChanges.length - changes.length;
        receivedAfter += changes.length;
        if (bookVersion !== undefined) {
          complete = bookVersion;
          receivedAfter = 0;
        }
        yield changes;
      }
    } catch (error) {
      if (signal.aborted) return;
      if (!hasConnected || !isTransientError(error)) throw error;
      if (failures === 0 && !isDeadlineExceeded(error)) onConnectionLost(error as Error);
    }
    await wait(Math.min(maxPauseMs, firstPauseMs * 2 ** failures), undefined, { signal }).catch(
      () => {},
    );
    failures += 1;
  }
}

const firstPauseMs = 100;
const maxPauseMs = 10_000;
