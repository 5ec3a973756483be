import { ConnectError } from "@connectrpc/connect";
import { DomainError } from "../../domain/domain-error.js";
import { translateReadError } from "../../rpc/errors/translate-connect-error.js";

/** Watches over waits for a caller: `onIdle` is called when one takes longer than `limitMs`. */
export type IdleWatch = { readonly begin: () => void; readonly end: () => void };

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
 * Returns messages as they come, with a watch over each while it is waited for. What fails while one is
 * read is the client's error.
 */
export function watchMessages<T>(
  messages: AsyncIterable<T>,
  watch: IdleWatch,
  maxMessageBytes: number,
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
            throw translateReadError(error, maxMessageBytes) ?? error;
          } finally {
            watch.end();
          }
        },
        return: async (value) => (await iterator.return?.(value)) ?? { done: true, value },
      };
    },
  };
}

/** The refusal of a stream whose caller neither sends nor takes anything. */
export function streamIdle(limitMs: number): DomainError {
  return new DomainError(
    "STREAM_IDLE",
    `the caller has neither sent the next message, nor ended the stream, nor taken the next answer ` +
      `for ${limitMs} ms (STREAM_IDLE_TIMEOUT_MS); start over`,
    { metadata: { stream_idle_timeout_ms: String(limitMs) } },
  );
}
