import { ConnectError } from "@connectrpc/connect";
import { DomainError } from "../../domain/domain-error.js";

/** Times waits for a client, each from `begin` to `end`. */
export type IdleWatch = { readonly begin: () => void; readonly end: () => void };

/** Calls `onIdle` when a wait takes longer than `limitMs`. */
export function watchIdle(limitMs: number, onIdle: () => void): IdleWatch {
  let timer: NodeJS.Timeout | undefined;
  return {
    begin: () => {
      timer = setTimeout(onIdle, limitMs);
    },
    end: () => clearTimeout(timer),
  };
}

/**
 * Passes messages on as they arrive, and times the wait for each. An error while one is read is the
 * client's: `translate` returns it as an error of the API.
 */
export function watchMessages<T>(
  messages: AsyncIterable<T>,
  watch: IdleWatch,
  translate: (error: ConnectError) => DomainError | undefined,
): AsyncIterable<T> {
  return {
    [Symbol.asyncIterator]: () => {
      const iterator = messages[Symbol.asyncIterator]();
      return {
        next: async () => {
          watch.begin();
          try {
            return await iterator.next();
          } catch (error) {
            if (!(error instanceof ConnectError)) throw error;
            throw translate(error) ?? error;
          } finally {
            watch.end();
          }
        },
        return: async (value) => (await iterator.return?.(value)) ?? { done: true, value },
      };
    },
  };
}

/** Returns the error for a stream whose client neither sends nor reads messages. */
export function streamIdle(limitMs: number): DomainError {
  return new DomainError(
    "STREAM_IDLE",
    `the caller has neither sent the next message, nor ended the stream, nor taken the next answer ` +
      `for ${limitMs} ms (STREAM_IDLE_TIMEOUT_MS); start over`,
    { metadata: { stream_idle_timeout_ms: String(limitMs) } },
  );
}
