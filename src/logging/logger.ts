import { type DestinationStream, type Logger, type LoggerOptions, pino } from "pino";
import pretty from "pino-pretty";
import { toLoggedError } from "./loggable-error.js";

/**
 * Opens the log of this process: JSON lines on standard error, each with the fields of `base`. On a
 * terminal the lines are for people. `isAlone`: no other process writes to the same standard error.
 */
export function createLogger(level: string, isAlone: boolean, base: object | null = null): Logger {
  const lines = process.stderr.isTTY ? openTerminal() : openLines(isAlone);
  const log = pino(logOptions(level, base), lines);
  const exit = (error: unknown, message: string) => {
    log.fatal({ err: error }, message);
    process.exit(1);
  };
  process.on("unhandledRejection", (error) => exit(error, "unhandled rejection"));
  // Node.js would print the whole error, with its SQL.
  process.on("uncaughtException", (error) => exit(error, "uncaught exception"));
  return log;
}

/**
 * Returns the options of the logger. Lines have the name of their level and the time as text. Errors are
 * logged without SQL and values of rows.
 */
export function logOptions(level: string, base: object | null = null): LoggerOptions {
  return {
    level,
    base,
    serializers: { err: toLoggedError },
    formatters: { level: (name) => ({ level: name }) },
    timestamp: pino.stdTimeFunctions.isoTime,
  };
}

function openLines(isAlone: boolean): DestinationStream {
  // Buffers lines: a write for each line would take longer than most calls. Writes of up to 4 KiB
  // to a pipe are atomic, so lines of several workers do not mix.
  const minLength = isAlone ? 12_288 : 3072;
  const lines = pino.destination({ dest: 2, sync: true, minLength, periodicFlush: 200 });
  process.on("exit", () => lines.flushSync());
  return lines;
}

function openTerminal(): DestinationStream {
  return pretty({ destination: 2, sync: true, singleLine: true, translateTime: "SYS:HH:MM:ss.l" });
}
