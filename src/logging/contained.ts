import type { Logger } from "pino";

/**
 * Returns a listener whose errors do not end the process. Logs what it throws or rejects with, and
 * calls `onFault`, which ends the listener's call or connection.
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

/** Runs work whose failure needs no handling. Returns true when it did not throw. */
export function attempt(work: () => unknown): boolean {
  try {
    work();
    return true;
  } catch {
    return false;
  }
}
