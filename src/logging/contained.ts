import type { Logger } from "pino";

/**
 * Returns a listener that cannot end the process: what it throws, or rejects with, is logged, and
 * `onFault` ends what it was called for (its call, its connection).
 */
export function contained<A extends unknown[]>(
  log: Pick<Logger, "error">,
  name: string,
  listener: (...args: A) => unknown,
  onFault: (...args: A) => unknown = () => {},
): (...args: A) => void {
  const fail = (error: unknown, args: A) => {
    attempt(() => log.error({ err: error, listener: name }, "a listener failed"));
    attempt(() => onFault(...args));
  };
  return (...args) => {
    try {
      const result = listener(...args);
      if (result instanceof Promise) result.catch((error) => fail(error, args));
    } catch (error) {
      fail(error, args);
    }
  };
}

/** Does work of which nothing is left to do when it fails. Returns whether it did not fail. */
export function attempt(work: () => unknown): boolean {
  try {
    work();
    return true;
  } catch {
    return false;
  }
}
