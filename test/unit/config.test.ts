import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { readConfig } from "../../src/config/config.js";
import { problemsOf } from "../support/config.js";
import { createTokensFile } from "../support/tokens.js";

describe("Configuration", () => {
  it("listens on loopback and embeds PostgreSQL when nothing is set", () => {
    const config = readConfig({});
    expect(config.grpcAddress).to.deep.equal({ host: "127.0.0.1", port: 50051 });
    expect(config.httpAddress).to.deep.equal({ host: "127.0.0.1", port: 8080 });
    expect(config.opsAddress).to.deep.equal({ host: "127.0.0.1", port: 9090 });
    expect(config.maxBookStalenessMs).to.equal(10_000);
    expect(config.database).to.equal(undefined);
  });

  it("treats an empty variable as unset", () => {
    expect(readConfig({ GRPC_ADDR: "", DATABASE_URL: "" }).grpcAddress.port).to.equal(50051);
  });

  it("parses a database URL into an object, so that no log prints the complete URL", () => {
    const { database } = readConfig({ DATABASE_URL: "postgres://ann:s3cret@db:6432/prices" });
    expect(database).to.include({ host: "db", port: 6432, user: "ann", database: "prices" });
  });

  it("reads IPv6 addresses in brackets", () => {
    expect(readConfig({ GRPC_ADDR: "[::1]:0" }).grpcAddress).to.deep.equal({
      host: "::1",
      port: 0,
    });
  });

  it("names the variable, its value and what was expected, for every problem at once", () => {
    expect(problemsOf({ GRPC_ADDR: "50051", MAX_BOOK_STALENESS_MS: "-1" })).to.deep.equal([
      'GRPC_ADDR is "50051"; expected host:port',
      'MAX_BOOK_STALENESS_MS is "-1"; expected a whole number from 1 to 3600000',
    ]);
  });

  it("reports an unprotected listener with other problems, except for a malformed address", () => {
    const problems = problemsOf({ GRPC_ADDR: "0.0.0.0:1", HTTP_ADDR: "x", BULK_THREADS: "0" });
    expect(problems.map((problem) => problem.split(" ", 1)[0])).to.deep.equal([
      "HTTP_ADDR",
      "BULK_THREADS",
      "GRPC_ADDR",
    ]);
  });

  it("exports traces only when OpenTelemetry's variables request it", () => {
    const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector:4318" };
    expect(readConfig({}).traces).to.equal(undefined);
    expect(readConfig(endpoint).traces).to.equal("otlp");
    expect(readConfig({ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "https://c/v1" }).traces).to.equal(
      "otlp",
    );
    expect(readConfig({ OTEL_TRACES_EXPORTER: "otlp" }).traces).to.equal("otlp");
    expect(readConfig({ OTEL_TRACES_EXPORTER: "console" }).traces).to.equal("console");
    expect(readConfig({ ...endpoint, OTEL_TRACES_EXPORTER: "none" }).traces).to.equal(undefined);
    expect(readConfig({ ...endpoint, OTEL_SDK_DISABLED: "true" }).traces).to.equal(undefined);
  });

  it("rejects unsupported exporters, protocols and endpoints of OpenTelemetry", () => {
    expect(
      problemsOf({
        OTEL_TRACES_EXPORTER: "zipkin",
        OTEL_EXPORTER_OTLP_ENDPOINT: "collector:4318",
        OTEL_EXPORTER_OTLP_PROTOCOL: "grpc",
      }),
    ).to.deep.equal([
      'OTEL_TRACES_EXPORTER is "zipkin"; expected otlp, console, none',
      "OTEL_EXPORTER_OTLP_ENDPOINT is (not shown); expected a URL like http://collector:4318",
      'OTEL_EXPORTER_OTLP_PROTOCOL is "grpc"; expected http/protobuf',
    ]);
  });

  it("limits batches, allocations, imports, worker threads and the time of streams", () => {
    const bounds = {
      MAX_BATCH_CALCULATIONS: ["1", "1000000"],
      MAX_ALLOCATION_ACCOUNTS: ["1", "100000000"],
      MAX_IMPORT_ROWS: ["1", "100000000"],
      MAX_STREAM_TIMEOUT_MS: ["1", "86400000"],
      BULK_THREADS: ["1", "1000"],
    } as const;
    const memory = { BULK_MEMORY_BYTES: String(8 * 2 ** 30) };
    for (const [name, [least, most]] of Object.entries(bounds)) {
      expect(problemsOf({ [name]: least })).to.deep.equal([]);
      expect(problemsOf({ ...memory, [name]: most })).to.deep.equal([]);
      for (const value of ["0", String(Number(most) + 1), "1.5", "many"]) {
        expect(problemsOf({ [name]: value })).to.deep.equal([
          `${name} is "${value}"; expected a whole number from ${least} to ${most}`,
        ]);
      }
    }
    const { maxBatchCalculations, maxAllocationAccounts, ...config } = readConfig({});
    expect([maxBatchCalculations, maxAllocationAccounts]).to.deep.equal([10_000, 5_000_000]);
    const { maxImportRows, workerThreads } = config;
    expect(maxImportRows).to.equal(2_000_000);
    expect(workerThreads).to.be.at.least(1);
  });

  it("limits connections, messages and the database pool", () => {
    const bounds = {
      MAX_MESSAGE_BYTES: ["1024", "268435456"],
      MAX_CONNECTIONS: ["1", "1000000"],
      MAX_CONCURRENT_STREAMS: ["1", "1000000"],
      MAX_HEADER_BYTES: ["1024", "1048576"],
      HEADERS_TIMEOUT_MS: ["1", "600000"],
      MAX_CONNECTION_AGE_MS: ["1", "604800000"],
      MAX_CONNECTION_IDLE_MS: ["1", "604800000"],
      KEEPALIVE_TIME_MS: ["1", "86400000"],
      KEEPALIVE_TIMEOUT_MS: ["1", "600000"],
      DATABASE_POOL_SIZE: ["1", "1000"],
    } as const;
    for (const [name, [least, most]] of Object.entries(bounds)) {
      expect(problemsOf({ [name]: least })).to.deep.equal([]);
      expect(problemsOf({ [name]: most })).to.deep.equal([]);
      for (const value of [String(Number(least) - 1), String(Number(most) + 1), "many"]) {
        expect(problemsOf({ [name]: value })).to.deep.equal([
          `${name} is "${value}"; expected a whole number from ${least} to ${most}`,
        ]);
      }
    }
  });

  it("rejects a limit that another limit makes unreachable, or that breaks another limit", () => {
    const inconsistent = {
      "DATABASE_ACQUIRE_TIMEOUT_MS=30001": "MAX_CALL_TIMEOUT_MS, which is 30000",
      "DATABASE_STATEMENT_TIMEOUT_MS=30001": "MAX_CALL_TIMEOUT_MS, which is 30000",
      "DATABASE_LOCK_TIMEOUT_MS=30001": "DATABASE_STATEMENT_TIMEOUT_MS, which is 30000",
      "STREAM_IDLE_TIMEOUT_MS=600001": "MAX_STREAM_TIMEOUT_MS, which is 600000",
      "MAX_DATABASE_CALLS=2000": "half of MAX_CALLS_IN_FLIGHT, which is 1000",
      "MAX_CONNECTION_AGE_GRACE_MS=599999": "calls under way would be cut",
    };
    for (const [assignment, message] of Object.entries(inconsistent)) {
      const [name = "", value = ""] = assignment.split("=");
      const problems = problemsOf({ [name]: value });
      expect(problems, assignment).to.have.length(1);
      expect(problems[0]).to.include(name).and.include(value).and.include(message);
      const least = Number(value) + (name.includes("GRACE") ? 1 : -1);
      const within = name === "MAX_DATABASE_CALLS" ? "1000" : String(least);
      expect(problemsOf({ [name]: within }), assignment).to.deep.equal([]);
    }
  });

  it("adapts the default of an unset limit to a limit that is lower, or longer", () => {
    const short = readConfig({ MAX_CALL_TIMEOUT_MS: "500", MAX_CALLS_IN_FLIGHT: "10" });
    expect(short.databaseLimits).to.include({
      ...{ acquireTimeoutMs: 500, statementTimeoutMs: 500, lockTimeoutMs: 500, maxCalls: 5 },
    });
    expect(readConfig({ MAX_STREAM_TIMEOUT_MS: "2000" }).streamIdleTimeoutMs).to.equal(2000);
    const long = readConfig({ MAX_STREAM_TIMEOUT_MS: "3600000" });
    expect(long.connections.maxConnectionAgeGraceMs).to.equal(3_610_000);
  });

  it("reports a wrong limit once, without problems that follow from it", () => {
    expect(problemsOf({ MAX_CALL_TIMEOUT_MS: "x", MAX_CALLS_IN_FLIGHT: "x" })).to.have.length(2);
  });

  it("allows only listed origins to call from a browser", () => {
    expect([...readConfig({}).corsOrigins]).to.deep.equal([]);
    const named = "https://app.example.com, http://localhost:3000,http://[::1]:5173";
    expect([...readConfig({ CORS_ORIGINS: named }).corsOrigins]).to.deep.equal([
      "https://app.example.com",
      "http://localhost:3000",
      "http://[::1]:5173",
    ]);
  });

  it("rejects an origin in a form that no browser sends, because it would never match", () => {
    const wrong = [
      ...["*", "null", "app.example.com", "https://app.example.com/", "https://*.example.com"],
      ...["HTTPS://app.example.com", "https://App.example.com", "https://app.example.com:443"],
      ...["ftp://example.com", "https://ann@example.com", "https://a.example,", "https://"],
    ];
    for (const value of wrong) {
      expect(problemsOf({ CORS_ORIGINS: value })).to.deep.equal([
        `CORS_ORIGINS is "${value}"; expected origins like https://app.example.com, ` +
          "comma-separated, as browsers send them: without path, default port or wildcard",
      ]);
    }
  });

  it("rejects ports above 65535", () => {
    expect(problemsOf({ HTTP_ADDR: "127.0.0.1:65536" })).to.have.lengthOf(1);
    expect(problemsOf({ HTTP_ADDR: "127.0.0.1:65535" })).to.deep.equal([]);
  });

  it("never shows a database URL that it cannot parse", () => {
    const [problem] = problemsOf({ DATABASE_URL: "mysql://ann:s3cret@db/prices" });
    expect(problem).to.include("DATABASE_URL").and.not.include("s3cret");
  });

  it("rejects addresses beyond loopback without authentication", () => {
    const [problem] = problemsOf({ GRPC_ADDR: "0.0.0.0:50051" });
    expect(problem).to.include('GRPC_ADDR is "0.0.0.0:50051"').and.include("ALLOW_INSECURE");
  });

  it("listens anywhere when ALLOW_INSECURE says that a mesh authenticates", () => {
    const environment = { GRPC_ADDR: "0.0.0.0:50051", ALLOW_INSECURE: "true" };
    expect(readConfig(environment).grpcAddress.host).to.equal("0.0.0.0");
  });

  it("reports a missing or malformed tokens file without its content", () => {
    const folder = mkdtempSync(join(tmpdir(), "llmprices-config-"));
    const path = join(folder, "tokens.json");
    expect(problemsOf({ AUTH_TOKENS_FILE: path })).to.deep.equal([
      `AUTH_TOKENS_FILE is "${path}": ENOENT: no such file or directory, open '${path}'`,
    ]);
    writeFileSync(path, '[{"name": "s3cret", "role": "admin"}]');
    expect(problemsOf({ AUTH_TOKENS_FILE: path })).to.deep.equal([
      `AUTH_TOKENS_FILE is "${path}": line 1: role is wrong; expected "calculate" or "manage"`,
    ]);
    rmSync(folder, { recursive: true });
  });

  it("requires tokens for reflection and health unless they are set to public", () => {
    const file = createTokensFile();
    const AUTH_TOKENS_FILE = file.path;
    expect(readConfig({}).auth).to.include({ publicReflection: true, publicHealth: true });
    expect(readConfig({ AUTH_TOKENS_FILE }).auth).to.deep.equal(file.auth);
    const publicEnvironment = {
      AUTH_TOKENS_FILE,
      PUBLIC_REFLECTION: "true",
      PUBLIC_HEALTH: "true",
    };
    expect(readConfig(publicEnvironment).auth).to.include({
      publicReflection: true,
      publicHealth: true,
    });
    expect(problemsOf({ PUBLIC_HEALTH: "yes" })).to.deep.equal([
      'PUBLIC_HEALTH is "yes"; expected true or false',
    ]);
    file.remove();
  });

  it("rejects unencrypted tokens beyond loopback, but allows metrics there", () => {
    const file = createTokensFile();
    const anywhere = { AUTH_TOKENS_FILE: file.path, OPS_ADDR: "0.0.0.0:9090" };
    expect(problemsOf(anywhere)).to.deep.equal([]);
    const [problem] = problemsOf({ ...anywhere, HTTP_ADDR: "0.0.0.0:8080" });
    expect(problem).to.equal(
      'HTTP_ADDR is "0.0.0.0:8080"; expected a loopback address like 127.0.0.1, because tokens ' +
        "would travel in the clear without TLS_CERT_FILE; ALLOW_INSECURE=true says that a mesh in " +
        "front of the service encrypts",
    );
    const inMesh = { ...anywhere, HTTP_ADDR: "0.0.0.0:8080", ALLOW_INSECURE: "true" };
    expect(problemsOf(inMesh)).to.deep.equal([]);
    file.remove();
  });

  it("recognizes every loopback address", () => {
    for (const host of ["127.0.0.1", "127.9.9.9", "localhost", "[::1]"]) {
      expect(problemsOf({ GRPC_ADDR: `${host}:1` }), host).to.deep.equal([]);
    }
    for (const host of ["128.0.0.1", "127.0.0.1.example.org", "[::]", "10.0.0.1"]) {
      expect(problemsOf({ GRPC_ADDR: `${host}:1` }), host).to.have.lengthOf(1);
    }
  });
});
