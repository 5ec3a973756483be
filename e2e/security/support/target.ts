import { readFile } from "node:fs/promises";
import { type TestedService, withTestedService } from "../../support/tested-service.js";

/** The service under attack. */
export type Target = TestedService & {
  /** Returns how often to do what the long form does `count` times: at least once. */
  readonly scaled: (count: number) => number;
  /** Returns the log of the service: warnings and errors. */
  readonly log: () => Promise<string>;
};

/** Starts the service with the example prices and these variables, and stops it after `work`. */
export async function withTarget(
  settings: Readonly<Record<string, string>>,
  scale: number,
  work: (target: Target) => Promise<void>,
): Promise<void> {
  const allSettings = {
    NODE_OPTIONS: `--import=${new URL("collect-garbage.mjs", import.meta.url)}`,
    LOG_LEVEL: "warn",
    ...shortTimes,
    ...settings,
  };
  await withTestedService(allSettings, (service) =>
    work({
      ...service,
      scaled: (count) => Math.max(1, Math.round(count * scale)),
      log: () => readFile(service.logPath, "utf8"),
    }),
  );
}

/** Short timeouts, so that connections expire during the suite. */
const shortTimes = {
  HEADERS_TIMEOUT_MS: "3000",
  KEEPALIVE_TIME_MS: "3000",
  KEEPALIVE_TIMEOUT_MS: "10000",
  STREAM_IDLE_TIMEOUT_MS: "3000",
};
