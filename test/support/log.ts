import { Writable } from "node:stream";
import { type Logger, pino } from "pino";
import { logOptions } from "../../src/logging/logger.js";

/** One parsed line of the log. */
export type LogLine = Readonly<Record<string, unknown>>;

/** A logger with the service's options that stores its lines. */
export type KeptLog = {
  readonly log: Logger;
  readonly text: () => string;
  /** The lines of all calls, in order. */
  readonly calls: () => readonly LogLine[];
  /** The lines of calls of a method. */
  readonly callsOf: (rpc: string) => readonly LogLine[];
};

export function keepLog(level = "trace"): KeptLog {
  let written = "";
  const to = new Writable({
    write: (chunk, _, done) => {
      written += chunk;
      done();
    },
  });
  const lines = (): LogLine[] =>
    written
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line));
  const calls = () => lines().filter(({ msg }) => msg === "call");
  return {
    log: pino(logOptions(level), to),
    text: () => written,
    calls,
    callsOf: (rpc) => calls().filter(({ rpc: name }) => `${name}`.endsWith(`/${rpc}`)),
  };
}
