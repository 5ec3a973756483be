import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { setTimeout as wait } from "node:timers/promises";
import { expect } from "chai";
import { toUrl } from "../../bench/support/database.js";
import { migrateUp } from "../../src/store/schema/migrator.js";
import { llmpricesArguments } from "../support/command.js";
import { createTestDatabase, type TestDatabase } from "../support/postgres.js";
import { createTemporaryFolder } from "../support/temporary-folder.js";

type Serving = ChildProcessByStdio<null, Readable, Readable>;

describe("llmprices serve", () => {
  let database: TestDatabase;
  before(async () => {
    database = await createTestDatabase({ empty: true });
  });
  after(() => database.drop());

  const start = (env: Readonly<Record<string, string>>): Serving =>
    spawn(process.execPath, [...llmpricesArguments, "serve"], {
      env: {
        ...{ ...process.env, GRPC_ADDR: "127.0.0.1:0", HTTP_ADDR: "127.0.0.1:0" },
        ...{ OPS_ADDR: "127.0.0.1:0", ...env },
      },
      stdio: ["ignore", "pipe", "pipe"],
    });
  /** Collects what a process prints, and waits for a text in it. */
  const watch = (stream: Readable) => {
    let printed = "";
    stream.setEncoding("utf8").on("data", (chunk: string) => {
      printed += chunk;
    });
    return async (pattern: RegExp) => {
      while (!pattern.test(printed)) await wait(10);
      return printed;
    };
  };

  it("names the variable of a taken port, before it makes a folder for the database", async () => {
    const taken = createServer().listen(0, "127.0.0.1");
    await once(taken, "listening");
    const { port } = taken.address() as { port: number };
    const DATA_DIR = join(createTemporaryFolder("serve"), "data");
    for (const name of ["GRPC_ADDR", "HTTP_ADDR", "OPS_ADDR"]) {
      const child = start({ DATA_DIR, DATABASE_URL: "", [name]: `127.0.0.1:${port}` });
      const [[code], errors] = await Promise.all([once(child, "exit"), text(child.stderr)]);
      const message = errors.split("\n").find((line) => line.startsWith("llmprices: "));
      expect({ code, message }).to.deep.equal({
        code: 1,
        message:
          `llmprices: ${name} is 127.0.0.1:${port}: port ${port} is in use; stop the program that ` +
          `has it, or set ${name}`,
      });
      expect(existsSync(DATA_DIR)).to.equal(false);
    }
    taken.close();
  });

  it("writes log lines for people on a terminal", async () => {
    const taken = createServer().listen(0, "127.0.0.1");
    await once(taken, "listening");
    const { port } = taken.address() as { port: number };
    const words = [process.execPath, ...llmpricesArguments, "serve"];
    // script(1) of util-linux runs the command on a terminal.
    const line = words.map((word) => `'${word}'`).join(" ");
    const GRPC_ADDR = `127.0.0.1:${port}`;
    const child = spawn("script", ["-qec", line, "/dev/null"], {
      env: { ...process.env, GRPC_ADDR, MAX_BOOK_STALENES_MS: "1", DATABASE_URL: "" },
      stdio: ["ignore", "pipe", "ignore"],
    });
    const [output] = await Promise.all([text(child.stdout), once(child, "exit")]);
    expect(output).to.match(
      /^\[\d\d:\d\d:\d\d\.\d{3}\] \S*WARN\S*: .*MAX_BOOK_STALENES_MS is ignored/m,
    );
    taken.close();
  });

  it("says why it is not ready, then that it is, and warns of a misspelled variable", async () => {
    const DATABASE_URL = toUrl(database.connection);
    const child = start({ DATABASE_URL, MAX_BOOK_STALENES_MS: "5000", LOG_LEVEL: "info" });
    const [printed, logged] = [watch(child.stdout), watch(child.stderr)];
    const first = await printed(/\/readyz, \/metrics/);
    expect(first)
      .to.match(/LLMPrices is not ready: the database lacks migrations: .*"llmprices migrate up"/)
      .and.not.match(/LLMPrices is up/);
    const log = await logged(/"readiness"/);
    const lines = log
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    const notReady = lines.find(({ msg }) => msg === "readiness");
    expect(notReady).to.include({ level: "warn", ready: false });
    expect(notReady.time).to.match(/^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    const misspelled = lines.find(({ msg }) => `${msg}`.includes("MAX_BOOK_STALENES_MS"));
    expect(misspelled).to.include({
      level: "warn",
      msg: "the variable MAX_BOOK_STALENES_MS is ignored; did you mean MAX_BOOK_STALENESS_MS?",
    });
    await migrateUp(database.connection);
    expect(await printed(/^curl /m)).to.match(/LLMPrices is up/);
    child.kill("SIGTERM");
    expect(await once(child, "exit")).to.deep.equal([0, null]);
  });
});
