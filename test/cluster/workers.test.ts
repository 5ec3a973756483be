import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { text } from "node:stream/consumers";
import { createClient } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport } from "@connectrpc/connect-node";
import { expect } from "chai";
import { toUrl } from "../../bench/support/database.js";
import { unsupportedNodeReason } from "../../src/app/node-version.js";
import { PricingService } from "../../src/gen/llmprices/v1/pricing_service_pb.js";
import { answerOf, openRequests, usagesOf } from "../support/allocations.js";
import { llmpricesArguments } from "../support/command.js";
import { until } from "../support/metrics.js";
import { createTestDatabase, type TestDatabase } from "../support/postgres.js";
import { freshPrice, type TestKey } from "../support/prices.js";
import { startTestService } from "../support/service.js";

describe("llmprices serve --workers 2", function () {
  this.timeout(60_000);
  let database: TestDatabase;
  let service: WorkersService;
  let key: TestKey;

  before(async () => {
    database = await createTestDatabase();
    const single = await startTestService({}, database);
    ({ key } = await freshPrice(single, "1.25", new Date("2020-01-01")));
    await single.stop();
    service = await startWorkers(database);
  });
  after(async () => {
    await service.end("SIGKILL");
    await database.drop();
  });

  /** Calculates one charge over a new connection. */
  const charge = async (listener: "grpc" | "http" = "grpc") => {
    const baseUrl = `http://${service[listener]}`;
    const transport =
      listener === "grpc"
        ? createGrpcTransport({ baseUrl })
        : createConnectTransport({ baseUrl, httpVersion: "2" });
    const request = { ...key, providerCost: "10" };
    const usageRatio = { case: "accountUsageRatio", value: "1" } as const;
    const pricing = createClient(PricingService, transport);
    const options = { timeoutMs: 2000 };
    return (await pricing.calculateCharge({ ...request, usageRatio }, options)).accountCharge;
  };
  const isReady = async () => (await service.ops("/readyz")).text === "ready\n";

  it("logs once, not in each worker, that the version of Node.js is unsupported", async () => {
    const { node } = process.versions;
    const reason = unsupportedNodeReason(node);
    const line = `"node":"${node}","msg":"${reason}"`;
    if (reason !== undefined) await until(() => service.log().includes(line));
    expect(service.log().split('"node":')).to.have.length(reason === undefined ? 1 : 2);
  });

  it("distributes the connections of both listeners over both workers", async () => {
    await until(async () => {
      expect(await charge("grpc")).to.equal("12.5");
      expect(await charge("http")).to.equal("12.5");
      return service.workersLogged("grpc") === 2 && service.workersLogged("connect") === 2;
    });
  });

  it("sums the counters of both workers, but not the price book's version", async () => {
    const before = await service.metric('calls_total{rpc="/CalculateCharge",code="ok"}');
    await Promise.all(Array.from({ length: 8 }, () => charge()));
    const after = await service.metric('calls_total{rpc="/CalculateCharge",code="ok"}');
    expect(after - before).to.equal(8);
    const [version] = await database.knex("price_book").pluck("version");
    expect(await service.metric("book_version")).to.equal(Number(version));
    expect(await service.metric("workers")).to.equal(2);
  });

  it("replaces a killed worker, and answers calls meanwhile", async () => {
    const [first, second] = service.workers();
    process.kill(Number(first), "SIGKILL");
    await until(() => !service.workers().includes(first as number));
    // A connection that was being handed to the killed worker is lost. The next one is answered.
    await until(async () => (await charge().catch(() => undefined)) === "12.5");
    await until(async () => (await service.metric("workers")) === 2 && (await isReady()));
    expect(service.workers()).to.have.length(2).and.to.include(second);
    expect(await service.metric("worker_restarts_total")).to.equal(1);
  });

  it("serves the last known counts of a worker while it hangs and after it ends", async () => {
    const calls = 'calls_total{rpc="/CalculateCharge",code="ok"}';
    await Promise.all(Array.from({ length: 8 }, () => charge()));
    const counted = await service.metric(calls);
    const [hanging] = service.workers();
    process.kill(Number(hanging), "SIGSTOP");
    const startedAt = performance.now();
    expect(await service.metric(calls)).to.equal(counted);
    expect(performance.now() - startedAt).to.be.below(4000);
    process.kill(Number(hanging), "SIGKILL");
    await until(() => !service.workers().includes(Number(hanging)));
    expect(await service.metric(calls)).to.equal(counted);
    await until(async () => (await service.metric("workers")) === 2 && (await isReady()));
    expect(await service.metric(calls)).to.equal(counted);
  });

  it("aggregates each metric by its sum, minimum or maximum", async () => {
    const { text } = await service.ops("/metrics");
    const value = (name: string) => Number(new RegExp(`^${name} (.*)$`, "m").exec(text)?.[1]);
    // Each worker has DATABASE_POOL_SIZE=2.
    expect(value("llmprices_database_connections_max")).to.equal(4);
    expect(value("llmprices_ready")).to.equal(1);
    expect(value("llmprices_book_keys")).to.equal(1);
    expect(text).to.match(/^llmprices_build_info\{version="[^"]+",node="[^"]+"\} 1$/m);
    expect(value("process_start_time_seconds")).to.be.within(1e9, Date.now() / 1000);
    const age = value("llmprices_book_age_seconds");
    expect(age).to.be.within(0, 10);
  });

  it("is not ready while one worker is not, and reports which worker and why", async () => {
    const migrations = await database.knex("knex_migrations").select();
    await database.knex("knex_migrations").delete();
    await until(async () => !(await isReady()));
    const { status, text } = await service.ops("/readyz");
    expect(status).to.equal(503);
    expect(text).to.match(/^not ready: worker \d+: the database lacks migrations: /);
    await database.knex("knex_migrations").insert(migrations);
    await until(isReady);
  });

  it("exits with code 0 on SIGTERM, after it has answered the open calls", async () => {
    const other = await startWorkers(database);
    const transport = createGrpcTransport({ baseUrl: `http://${other.grpc}` });
    const terms = { ...key, providerCost: "1", currencyCode: "USD" };
    const requests = openRequests([{ terms, accountUsages: usagesOf({ a: "1" }) }]);
    const response = answerOf(
      createClient(PricingService, transport).streamAllocateCharges(requests),
    );
    await until(async () => {
      const open = 'calls_in_flight{rpc="/StreamAllocateCharges"}';
      return (await other.metric(open)) === 1;
    });
    const workers = other.workers();
    const ended = other.end("SIGTERM");
    await until(async () => (await other.ops("/readyz")).text === "not ready: shutting down\n");
    requests.end();
    expect((await response).totals?.totalCharge).to.equal("1.25");
    expect(await ended).to.deep.equal([0, null]);
    expect(workers.filter(isRunning)).to.deep.equal([]);
  });

  it("leaves no worker running when the primary is killed", async () => {
    const other = await startWorkers(database);
    const workers = other.workers();
    expect(workers).to.have.length(2);
    await other.end("SIGKILL");
    await until(() => !workers.some(isRunning));
  });

  it("does not start when a port is taken, and reports it once", async () => {
    const taken = createServer().listen(0, "127.0.0.1");
    await once(taken, "listening");
    const { port } = taken.address() as { port: number };
    const child = start(database, { GRPC_ADDR: `127.0.0.1:${port}` });
    const [[code], errors] = await Promise.all([once(child, "exit"), text(child.stderr)]);
    taken.close();
    expect(code).to.equal(1);
    // grpc-js prints a message of its own.
    const ownLines = errors.split("\n").filter((line) => line.startsWith("llmprices: "));
    expect(ownLines.join()).to.match(
      /^llmprices: GRPC_ADDR is 127\.0\.0\.1:\d+: port \d+ is in use/,
    );
    expect(ownLines).to.have.length(1);
  });

  it("does not start when a worker cannot load a module, and reports why", async () => {
    const child = start(database, { ...withoutExporter, OTEL_TRACES_EXPORTER: "otlp" });
    const [[code], errors] = await Promise.all([once(child, "exit"), text(child.stderr)]);
    expect(code).to.equal(1);
    const ownLines = errors.split("\n").filter((line) => line.startsWith("llmprices: "));
    expect(ownLines).to.deep.equal(["llmprices: the exporter is not installed"]);
  });

  it("accepts only a whole number of workers", async () => {
    const child = start(database, {}, "none");
    const [[code], errors] = await Promise.all([once(child, "exit"), text(child.stderr)]);
    expect(code).to.not.equal(0);
    expect(errors).to.contain("'none'").and.to.contain("a whole number from 1 to 1000");
  });
});

/** Makes the import of the trace exporter fail. */
const hook = `export async function resolve(name, context, next) {
  if (name.includes("exporter-trace-otlp")) throw new Error("the exporter is not installed");
  return next(name, context);
}`;
const registration = `import { register } from "node:module";
register(${JSON.stringify(`data:text/javascript,${encodeURIComponent(hook)}`)});`;
const withoutExporter = {
  NODE_OPTIONS: `--import data:text/javascript,${encodeURIComponent(registration)}`,
};

type WorkersService = Awaited<ReturnType<typeof startWorkers>>;

async function startWorkers(database: TestDatabase) {
  const child = start(database, {});
  const lines: string[] = [];
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => lines.push(chunk));
  let banner = "";
  for await (const chunk of child.stdout.iterator({ destroyOnReturn: false })) {
    banner += chunk;
    if (/^curl .*\n/m.test(banner)) break;
  }
  const find = (pattern: RegExp) => String(pattern.exec(banner)?.[1]);
  const opsUrl = find(/(http:\S+)\/readyz/);
  const ops = async (path: string) => {
    const response = await fetch(`${opsUrl}${path}`);
    return { status: response.status, text: await response.text() };
  };
  return {
    grpc: find(/^ *gRPC +(\S+)$/m),
    http: find(/^ *Connect, .*http:\/\/(\S+)$/m),
    ops,
    /** Reads a metric. A slash before an RPC's name stands for PricingService. */
    metric: async (name: string) => {
      const wanted = `llmprices_${name.replace('"/', '"llmprices.v1.PricingService/')} `;
      const { text } = await ops("/metrics");
      const line = text.split("\n").find((each) => each.startsWith(wanted));
      return Number(line?.slice(wanted.length) ?? 0);
    },
    log: () => lines.join(""),
    /** Counts the workers that have logged a call of a protocol. */
    workersLogged: (protocol: string) =>
      new Set(
        [...lines.join("").matchAll(/"worker":(\d+),"rpc":"[^"]+","protocol":"(\w+)"/g)]
          .filter((match) => match[2] === protocol)
          .map((match) => match[1]),
      ).size,
    workers: () => childrenOf(child),
    end: async (signal: NodeJS.Signals) => {
      const exit = once(child, "exit");
      child.kill(signal);
      return exit;
    },
  };
}

function start(database: TestDatabase, variables: NodeJS.ProcessEnv, workers = "2") {
  const anyPort = "127.0.0.1:0";
  return spawn(process.execPath, [...llmpricesArguments, "serve", "--workers", workers], {
    env: {
      ...{ ...process.env, GRPC_ADDR: anyPort, HTTP_ADDR: anyPort, OPS_ADDR: anyPort },
      ...{ DATABASE_URL: toUrl(database.connection), DATABASE_POOL_SIZE: "2", ...variables },
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
}

function childrenOf({ pid }: ChildProcess): number[] {
  const found = execFileSync("ps", ["-o", "pid=,args=", "--ppid", String(pid)], {
    encoding: "utf8",
  });
  const lines = found.split("\n").filter((line) => line.includes("cluster/worker"));
  return lines.map((line) => Number.parseInt(line, 10));
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
