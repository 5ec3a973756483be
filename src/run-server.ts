import { pino } from "pino";
import { readConfig } from "./config.js";
import { serve } from "./serve.js";

/** Serves until a signal ends it. @throws ConfigError */
export async function runServer(): Promise<void> {
  const config = readConfig();
  // Lines are written some at a time: a write for each would take longer than most calls.
  const lines = pino.destination({ dest: 2, sync: true, minLength: 4096, periodicFlush: 200 });
  process.on("exit", () => lines.flushSync());
  const log = pino({ level: config.logLevel, base: null }, lines);
  process.on("unhandledRejection", (error) => {
    log.fatal({ err: error }, "unhandled rejection");
    process.exit(1);
  });
  const service = await serve(config, log);
  process.stdout.write(`${service.greeting}\n`);
  let isStopping = false;
  const stop = async (signal: string) => {
    if (isStopping) process.exit(1);
    isStopping = true;
    log.info({ signal }, "stopping");
    await service.stop();
    log.info("stopped");
  };
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
}
