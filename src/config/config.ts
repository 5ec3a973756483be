import { resolve } from "node:path";
import type { DatabaseConnection, DatabaseLimits } from "../store/connection/pool.js";
import type { TraceExporter } from "../tracing/tracing.js";
import { readAuth } from "./auth.js";
import { type AuthConfig, isAuthenticated } from "./auth-config.js";
import { type CallLimits, readLimits } from "./call-limits.js";
import { type ConnectionLimits, readConnectionLimits } from "./connection-limits.js";
import { checkConsistency } from "./consistency.js";
import { readDatabase, readDatabaseLimits } from "./database.js";
import { type Environment, oneOf, readEnvironment, warnOfMisspelled } from "./environment.js";
import {
  type ListenAddresses,
  readListenAddresses,
  requireAuthBeyondLoopback,
} from "./listen-addresses.js";
import type { TlsConfig } from "./tls-files.js";
import { readTls } from "./tls-settings.js";
import { readTraceExporter } from "./trace-exporter.js";

export { ConfigError } from "./environment.js";

/** The environment, read once and validated. docs/configuration.md describes every variable. */
export type Config = ListenAddresses &
  CallLimits & {
    /** Undefined: use an embedded PostgreSQL with its data under `dataDir`. */
    readonly database: DatabaseConnection | undefined;
    readonly dataDir: string;
    readonly databaseLimits: DatabaseLimits;
    readonly connections: ConnectionLimits;
    readonly auth: AuthConfig;
    /** Undefined: the listeners use plaintext. */
    readonly tls: TlsConfig | undefined;
    readonly logLevel: string;
    /** What is probably a mistake, to be logged. */
    readonly warnings: readonly string[];
    /** Undefined: no traces. */
    readonly traces: TraceExporter | undefined;
  };

/**
 * Reads the configuration of each of `processes` processes.
 *
 * @throws ConfigError naming every variable that is wrong, its value and what was expected.
 */
export function readConfig(environment: Environment = process.env, processes = 1): Config {
  return readEnvironment(environment, (read, problems, names) => {
    // The error lists problems in the order of these reads.
    const database = readDatabase(read, problems);
    const listenAddresses = readListenAddresses(read);
    const limits = readLimits(read, processes);
    const config: Config = {
      ...{ database, ...listenAddresses, ...limits },
      dataDir: resolve(read("DATA_DIR", ".llmprices", "a folder", (folder) => folder)),
      auth: readAuth(read, problems),
      tls: readTls(read, problems),
      databaseLimits: readDatabaseLimits(read, limits),
      connections: readConnectionLimits(read, limits),
      logLevel: read("LOG_LEVEL", "info", ...oneOf(logLevels)),
      traces: readTraceExporter(read),
      warnings: [],
    };
    const isEncrypted = config.tls !== undefined;
    const security = { isAuthenticated: isAuthenticated(config.auth), isEncrypted };
    requireAuthBeyondLoopback(read, config, security, problems);
    checkConsistency(config, problems);
    return { ...config, warnings: warnOfMisspelled(environment, names) };
  });
}

/**
 * Reads DATABASE_URL only, so that migrations run even when another variable is invalid.
 *
 * @throws ConfigError
 */
export function readDatabaseUrl(
  environment: Environment = process.env,
): DatabaseConnection | undefined {
  return readEnvironment(environment, readDatabase);
}

/** How client commands reach the service, unparsed. Flags override these values. */
export type ClientEnvironment = Readonly<
  Record<"address" | "token" | "tls" | "caFile" | "certFile" | "keyFile", string | undefined>
>;

/** Reads the variables of client commands. An empty variable counts as unset. */
export function readClientEnvironment(environment: Environment = process.env): ClientEnvironment {
  return {
    address: environment.LLMPRICES_ADDRESS || undefined,
    token: environment.LLMPRICES_TOKEN || undefined,
    tls: environment.LLMPRICES_TLS || undefined,
    caFile: environment.LLMPRICES_CA_FILE || undefined,
    certFile: environment.LLMPRICES_CERT_FILE || undefined,
    keyFile: environment.LLMPRICES_KEY_FILE || undefined,
  };
}

const logLevels = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;
