import { type Logger, type LoggerOptions, pino } from "pino";
import { toLoggedError } from "./loggable-error.js";

/**
 * Opens the log of this process: lines of JSON on standard error, `base` in each of them. `isAlone`:
 * no other process writes to the same.
 */
export function createLogger(level: string, isAlone: boolean, base: object | null = null): Logger {
  // Lines are written some at a time: a write for each would take longer than most calls. A pipe
  // takes 4 KiB whole, so that those of several workers do not mix.
  const minLength = isAlone ? 12_288 : 3072;
  const lines = pino.destination({ dest: 2, sync: true, minLength, periodicFlush: 200 });
  process.on("exit", () => lines.flushSync());
  const log = pino(logOptions(level, base), lines);
  const end = (error: unknown, what: string) => {
    log.fatal({ err: error }, what);
    process.exit(1);
  };
  process.on("unhandledRejection", (error) => end(error, "unhandled rejection"));
  // Node would print the error as it is, with the SQL in it.
  process.on("uncaughtException", (error) => end(error, "uncaught exception"));
  return log;
}

/** How each line is written: an error without what it may hold of SQL and rows. */
export function logOptions(level: string, base: object | null = null): LoggerOptions {
  return { level, base, serializers: { err: toLoggedError } };
}
