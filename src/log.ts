import { type Logger, pino } from "pino";

/** Opens the log of this process: lines of JSON on standard error, `base` in each of them. */
export function openLog(level: string, base: object | null = null): Logger {
  // Lines are written some at a time: a write for each would take longer than most calls. A pipe
  // takes 4 KiB whole, so that those of several workers do not mix.
  const lines = pino.destination({ dest: 2, sync: true, minLength: 3072, periodicFlush: 200 });
  process.on("exit", () => lines.flushSync());
  const log = pino({ level, base }, lines);
  process.on("unhandledRejection", (error) => {
    log.fatal({ err: error }, "unhandled rejection");
    process.exit(1);
  });
  return log;
}
