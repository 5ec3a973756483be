import { ConfigError, readConfig } from "../../src/config/config.js";

/** Returns the problems of an environment, one line for each variable. Empty: it is valid. */
export function problemsOf(environment: Record<string, string>): string[] {
  try {
    readConfig(environment);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.message.split("\n");
  }
}
