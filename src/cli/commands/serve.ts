import { serve } from "../../app/start-service.js";
import { readConfig } from "../../config/config.js";
import { createLogger } from "../../logging/logger.js";

/**
 * Runs the service in this process, or in `workers` worker processes. SIGTERM and SIGINT stop it.
 *
 * @throws ConfigError
 */
export async function runServer({ workers }: { readonly workers?: number }): Promise<void> {
  const config = readConfig(undefined, workers);
  const log = createLogger(config.logLevel, workers === undefined);
  const service = await serve(config, log, workers);
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
  for await (const text of service.startupTexts) process.stdout.write(`${text}\n`);
}
