import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import { type Address, isLoopback, parseAddress } from "./server/address.js";
import { type Origins, parseOrigins } from "./server/origins.js";
import type { DatabaseConnection } from "./store/database.js";
import { parseDatabaseUrl } from "./store/database-url.js";

/** The environment, read once and checked. Every variable is described in the README. */
export type Config = {
  /** Undefined: PostgreSQL is embedded, with its data under `dataDir`. */
  readonly database: DatabaseConnection | undefined;
  readonly dataDir: string;
  readonly grpcAddress: Address;
  readonly httpAddress: Address;
  readonly opsAddress: Address;
  /** Whose pages may call the HTTP door from a browser. */
  readonly corsOrigins: Origins;
  readonly databasePoolSize: number;
  readonly maxBookStalenessMs: number;
  readonly maxCallTimeoutMs: number;
  readonly maxStreamTimeoutMs: number;
  readonly maxBatchCalculations: number;
  readonly maxAllocationAccounts: number;
  readonly maxImportRows: number;
  readonly bulkThreads: number;
  readonly drainDelayMs: number;
  readonly shutdownGraceMs: number;
  readonly logLevel: string;
};

/** What is wrong with the environment: a line for each variable. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The configuration of each of so many processes.
 *
 * @throws ConfigError naming every variable that is wrong, its value and what was expected.
 */
export function readConfig(environment: Environment = process.env, processes = 1): Config {
  const problems: string[] = [];
  const read = createReader(environment, problems);
  const config: Config = {
    database: read(
      "DATABASE_URL",
      undefined,
      "a URL like postgres://user@host/database",
      toDatabase,
    ),
    dataDir: resolve(environment.DATA_DIR || ".llmprices"),
    grpcAddress: read("GRPC_ADDR", "127.0.0.1:50051", "host:port", parseAddress),
    httpAddress: read("HTTP_ADDR", "127.0.0.1:8080", "host:port", parseAddress),
    opsAddress: read("OPS_ADDR", "127.0.0.1:9090", "host:port", parseAddress),
    corsOrigins:
      read(
        "CORS_ORIGINS",
        undefined,
        "origins like https://app.example.com, comma-separated, as browsers send them: without " +
          "path, default port or wildcard",
        parseOrigins,
      ) ?? new Set(),
    databasePoolSize: read("DATABASE_POOL_SIZE", "10", ...wholeNumber(1, 1000)),
    maxBookStalenessMs: read("MAX_BOOK_STALENESS_MS", "10000", ...wholeNumber(1, 3_600_000)),
    maxCallTimeoutMs: read("MAX_CALL_TIMEOUT_MS", "30000", ...wholeNumber(1, 3_600_000)),
    maxStreamTimeoutMs: read("MAX_STREAM_TIMEOUT_MS", "600000", ...wholeNumber(1, 86_400_000)),
    maxBatchCalculations: read("MAX_BATCH_CALCULATIONS", "10000", ...wholeNumber(1, 1_000_000)),
    maxAllocationAccounts: read(
      "MAX_ALLOCATION_ACCOUNTS",
      "5000000",
      ...wholeNumber(1, 100_000_000),
    ),
    maxImportRows: read("MAX_IMPORT_ROWS", "2000000", ...wholeNumber(1, 100_000_000)),
    bulkThreads: read("BULK_THREADS", String(spareCores(processes)), ...wholeNumber(1, 1000)),
    drainDelayMs: read("DRAIN_DELAY_MS", "0", ...wholeNumber(0, 600_000)),
    shutdownGraceMs: read("SHUTDOWN_GRACE_MS", "10000", ...wholeNumber(0, 600_000)),
    logLevel: read("LOG_LEVEL", "info", logLevels.join(", "), (text) =>
      logLevels.find((level) => level === text),
    ),
  };
  const allowInsecure = read("ALLOW_INSECURE", "false", "true or false", (text) =>
    text === "true" || text === "false" ? text : undefined,
  );
  if (allowInsecure !== "true") refuseOpenDoors(config, problems);
  if (problems.length > 0) throw new ConfigError(problems.join("\n"));
  return config;
}

/**
 * Where migrations go: DATABASE_URL alone, so that nothing else has to be right for them.
 *
 * @throws ConfigError
 */
export function readDatabaseUrl(
  environment: Environment = process.env,
): DatabaseConnection | undefined {
  const problems: string[] = [];
  const read = createReader(environment, problems);
  const database = read(
    "DATABASE_URL",
    undefined,
    "a URL like postgres://user@host/database",
    toDatabase,
  );
  if (problems.length > 0) throw new ConfigError(problems.join("\n"));
  return database;
}

/** How client commands reach the service, as it is written: what a flag says goes first. */
export type ClientEnvironment = Readonly<
  Record<"address" | "token" | "tls" | "caFile" | "certFile" | "keyFile", string | undefined>
>;

/** An empty variable is an unset one. */
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

/** One core of a process's is for the calls that are served where the doors are. */
function spareCores(processes: number): number {
  return Math.max(1, Math.floor(availableParallelism() / processes) - 1);
}

const logLevels = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;

const secrets: ReadonlySet<string> = new Set(["DATABASE_URL"]);

function createReader(environment: Environment, problems: string[]) {
  return function read<T, D extends string | undefined>(
    name: string,
    whenUnset: D,
    expected: string,
    parse: (text: string) => T | undefined,
  ): D extends string ? T : T | undefined {
    type Result = D extends string ? T : T | undefined;
    const text = environment[name] || whenUnset;
    if (text === undefined) return undefined as Result;
    const value = parse(text);
    if (value === undefined) {
      const shown = secrets.has(name) ? "(not shown)" : JSON.stringify(text);
      problems.push(`${name} is ${shown}; expected ${expected}`);
    }
    return value as Result;
  };
}

function wholeNumber(min: number, max: number) {
  const parse = (text: string) => {
    const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
    return value >= min && value <= max ? value : undefined;
  };
  return [`a whole number from ${min} to ${max}`, parse] as const;
}

function toDatabase(url: string): DatabaseConnection | undefined {
  if (!/^postgres(?:ql)?:\/\//.test(url) || !URL.canParse(url)) return undefined;
  try {
    return parseDatabaseUrl(url);
  } catch {
    // The parser's message quotes the URL, password and all.
    return undefined;
  }
}

function refuseOpenDoors(config: Config, problems: string[]): void {
  const doors: Record<string, Address | undefined> = {
    GRPC_ADDR: config.grpcAddress,
    HTTP_ADDR: config.httpAddress,
    OPS_ADDR: config.opsAddress,
  };
  for (const [name, address] of Object.entries(doors)) {
    // Undefined: the value is no address, which has been said.
    if (address === undefined || isLoopback(address)) continue;
    problems.push(
      `${name} is ${JSON.stringify(`${address.host}:${address.port}`)}; expected a loopback ` +
        "address like 127.0.0.1, because callers are not authenticated; ALLOW_INSECURE=true says " +
        "that a mesh in front of the service does it",
    );
  }
}
