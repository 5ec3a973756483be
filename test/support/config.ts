import { ConfigError, readConfig } from "../../src/config/config.js";

/** What is wrong with an environment: a line for each variable, none when it can be served with. */
export function problemsOf(environment: Record<string, string>): string[] {
  try {
    readConfig(environment);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.message.split("\n");
  }
}
