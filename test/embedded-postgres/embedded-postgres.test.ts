import { type ChildProcess, execFile, execFileSync, fork } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { chmod, mkdir, mkdtemp, readFile, realpath, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { expect } from "chai";
import pg from "pg";
import {
  type EmbeddedPostgres,
  startEmbeddedPostgres,
} from "../../src/embedded-postgres/embedded-postgres.js";
import { toProgram } from "../support/command.js";

/** Starts an embedded PostgreSQL in a separate process. */
const fixture = toProgram("test/fixtures/embedded-instance.ts");
const isRoot = process.geteuid?.() === 0;

describe("startEmbeddedPostgres", function () {
  this.timeout(30_000);
  let dataDir: string;
  /** A data folder in which a server has already run. */
  let template: string;
  let running: EmbeddedPostgres[] = [];
  let children: ChildProcess[] = [];
  let messages: string[] = [];

  before(async () => {
    template = await createFolder();
    const postgres = await startEmbeddedPostgres({
      ...{ dataDir: template, settings: { fsync: "off" } },
      log: () => {},
    });
    await postgres.stop();
  });
  after(() => rm(template, { recursive: true }));

  beforeEach(async () => {
    dataDir = await createFolder();
  });

  /** Creates a folder that all users can enter, so that the data directory stays below it. */
  async function createFolder(): Promise<string> {
    const folder = await realpath(await mkdtemp(join(tmpdir(), "llmprices-embedded-")));
    await chmod(folder, 0o755);
    return folder;
  }

  /** Copies the template, so that tests that are not about the first start need no initdb. */
  async function copyTemplate(): Promise<void> {
    await promisify(execFile)("cp", ["-a", `${template}/.`, dataDir]);
  }

  afterEach(async () => {
    await Promise.all(running.map((postgres) => postgres.stop()));
    for (const child of children) child.kill("SIGKILL");
    await Promise.all(
      children.map((child) => child.exitCode ?? child.signalCode ?? once(child, "exit")),
    );
    await until(() => serversOn(dataDir).length === 0);
    // Remove only the relocated data directory of this test, which the link points to.
    const relocated = await realpath(join(dataDir, "closed/data/postgres")).catch(() => undefined);
    if (relocated?.includes("/llmprices/clusters/")) await rm(relocated, { recursive: true });
    await rm(dataDir, { recursive: true });
    [running, children, messages] = [[], [], []];
  });

  async function start(folder = dataDir): Promise<EmbeddedPostgres> {
    const postgres = await startEmbeddedPostgres({
      dataDir: folder,
      settings: { fsync: "off" },
      log: (message) => messages.push(message),
    });
    running.push(postgres);
    return postgres;
  }

  /** Starts an instance in a separate process. Returns its port, or why it could not start. */
  async function startProcess(): Promise<{ child: ChildProcess; port?: number; error?: string }> {
    const child = fork(fixture.path, [dataDir], { execArgv: [...fixture.options] });
    children.push(child);
    const [message] = await once(child, "message");
    return { child, ...message };
  }

  it("creates a UTF-8 data directory with checksums and listens on loopback", async () => {
    const { connection } = await start();
    expect(connection).to.include({ host: "127.0.0.1", database: "llmprices" });
    const [row] = await query(
      connection,
      `select current_setting('server_encoding') as encoding, current_setting('data_checksums') as
       checksums, current_setting('timezone') as zone, current_database() as database`,
    );
    expect(row).to.deep.equal({
      encoding: "UTF8",
      checksums: "on",
      zone: "UTC",
      database: "llmprices",
    });
  });

  it("keeps the password and the server's log from other users", async () => {
    const { connection } = await start();
    const password = await readFile(join(dataDir, "postgres-password"), "utf8");
    expect(password.trim()).to.equal(connection.password);
    for (const name of ["postgres-password", "postgres.log"]) {
      expect((await stat(join(dataDir, name))).mode & 0o777, name).to.equal(0o600);
    }
    const error = await rejection(query({ ...connection, password: "guess" }, "select 1"));
    expect(error).to.match(/password authentication failed/);
  });

  it("finds the same data at the second start", async () => {
    await copyTemplate();
    const first = await start();
    await query(first.connection, "create table kept as select 42 as answer");
    await first.stop();
    const second = await start();
    expect(await query(second.connection, "select * from kept")).to.deep.equal([{ answer: 42 }]);
  });

  it("ends its server before stop resolves, and accepts a second stop", async () => {
    await copyTemplate();
    const postgres = await start();
    await postgres.stop();
    expect(serversOn(dataDir)).to.deep.equal([]);
    await postgres.stop();
  });

  it("rejects a data folder that another instance holds, and names that instance", async () => {
    await copyTemplate();
    const { child, port } = await startProcess();
    expect(port).to.be.a("number");
    expect(await rejection(start())).to.equal(
      `another instance (pid ${child.pid}) holds the data folder ${dataDir}; ` +
        "stop it or set DATA_DIR to another folder",
    );
  });

  it("starts exactly one of three concurrent instances on a new data folder", async () => {
    const instances = await Promise.all([startProcess(), startProcess(), startProcess()]);
    const winners = instances.filter(({ port }) => port !== undefined);
    expect(winners).to.have.length(1);
    for (const { error } of instances.filter((instance) => !winners.includes(instance))) {
      expect(error).to.include(
        `another instance (pid ${winners[0]?.child.pid}) holds the data folder`,
      );
    }
  });

  it("ends its server when its process is killed", async () => {
    await copyTemplate();
    const { child } = await startProcess();
    child.kill("SIGKILL");
    await until(() => serversOn(dataDir).length === 0);
    await start();
    expect(messages.join()).not.to.include("killed instance");
  });

  it("replaces a server that outlived its killed process", async () => {
    await copyTemplate();
    const { child } = await startProcess();
    const [orphan] = serversOn(dataDir);
    // Kill the watchdog, which would stop the server. It may die like this when memory runs out.
    for (const { pid } of processes().filter(({ command }) =>
      command.endsWith(`-watch ${orphan}`),
    )) {
      process.kill(pid, "SIGKILL");
    }
    child.kill("SIGKILL");
    await once(child, "exit");
    const { connection } = await start();
    expect(messages).to.include(
      `stopping the PostgreSQL (pid ${orphan}) that a killed instance left on ${dataDir}/postgres`,
    );
    expect(serversOn(dataDir)).to.have.length(1).and.not.to.include(orphan);
    await query(connection, "select 1");
  });

  it("restarts its server on the same port when the server is killed", async () => {
    await copyTemplate();
    const { connection } = await start();
    await query(connection, "create table kept as select 42 as answer");
    process.kill(serversOn(dataDir)[0] ?? 0, "SIGKILL");
    await until(() => messages.includes("PostgreSQL is running again"));
    expect(await query(connection, "select * from kept")).to.deep.equal([{ answer: 42 }]);
  });

  it("starts when a stale postmaster.pid has the pid of another process", async () => {
    await copyTemplate();
    const first = await start();
    await first.stop();
    await writeFile(
      join(dataDir, "postgres/postmaster.pid"),
      `${process.ppid}\n${dataDir}/postgres\n`,
    );
    const { connection } = await start();
    await query(connection, "select 1");
  });

  it("rejects a data directory of another major version, and names both versions", async () => {
    await copyTemplate();
    const first = await start();
    await first.stop();
    await writeFile(join(dataDir, "postgres/PG_VERSION"), "17\n");
    expect(await rejection(start())).to.match(
      /postgres was made by PostgreSQL 17, and this is PostgreSQL 18;/,
    );
  });

  it("rejects a data folder that cannot be created", async () => {
    await writeFile(join(dataDir, "file"), "");
    const error = await rejection(start(join(dataDir, "file/data")));
    expect(error).to.match(/^the data folder .*file\/data cannot be written .*set DATA_DIR/);
  });

  it("rejects a data folder in a file system without new folders, such as /proc", async function () {
    if (process.platform !== "linux") this.skip();
    for (const folder of ["/proc/nope", "/proc/nope/data"]) {
      const error = await rejection(start(folder));
      expect(error).to.match(/^the data folder \/proc\/nope.* cannot be written .*set DATA_DIR/);
    }
  });

  it("also creates the parent folders of the data folder", async () => {
    const { connection } = await start(join(dataDir, "a/b"));
    expect(await query(connection, "select 42 as answer")).to.deep.equal([{ answer: 42 }]);
  });

  it("rejects a data folder that is a file", async () => {
    const file = join(dataDir, "file");
    await writeFile(file, "", { mode: 0o777 });
    await chmod(file, 0o777);
    expect(await rejection(start(file))).to.match(/file cannot be written .*set DATA_DIR/);
  });

  it("reports the server's own error when the server does not start", async () => {
    await copyTemplate();
    const settings = { shared_buffers: "none" };
    const error = await rejection(
      startEmbeddedPostgres({ dataDir, settings, log: () => undefined }),
    );
    expect(error).to.include('invalid value for parameter "shared_buffers": "none"');
  });

  const description = isRoot
    ? "as root, relocates the data directory when only root can enter the data folder, and finds it again"
    : "as an ordinary user, keeps the data directory in the data folder itself";
  it(description, async () => {
    const folder = join(dataDir, "closed/data");
    await mkdir(dirname(folder), { mode: 0o700 });
    const first = await start(folder);
    await query(first.connection, "create table kept as select 42 as answer");
    await first.stop();
    const second = await start(folder);
    expect(await query(second.connection, "select * from kept")).to.deep.equal([{ answer: 42 }]);
    expect((await stat(dirname(folder))).mode & 0o777).to.equal(0o700);
    const dataDirectory = await realpath(join(folder, "postgres"));
    if (isRoot) expect(dataDirectory).to.match(/\/llmprices\/clusters\/[0-9a-f]{16}$/);
    else expect(dataDirectory).to.equal(join(await realpath(folder), "postgres"));
  });
});

type Connection = EmbeddedPostgres["connection"];

async function query(connection: Connection, sql: string): Promise<readonly unknown[]> {
  const client = new pg.Client(connection);
  try {
    await client.connect();
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

async function rejection(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => expect.fail("it succeeded"),
    (error: Error) => error.message,
  );
}

async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 15_000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`not met in time: ${condition}`);
    await sleep(20);
  }
}

type Process = { readonly pid: number; readonly command: string };

function processes(): readonly Process[] {
  return process.platform === "linux" ? readProc() : runPs();
}

/** Lists the processes without starting one, because the tests poll. */
function readProc(): readonly Process[] {
  return readdirSync("/proc").flatMap((name) => {
    const pid = Number(name);
    if (!Number.isInteger(pid)) return [];
    try {
      const words = readFileSync(`/proc/${pid}/cmdline`, "utf8");
      return [{ pid, command: words.replaceAll("\0", " ").trim() }];
    } catch {
      // The process has ended meanwhile.
      return [];
    }
  });
}

function runPs(): readonly Process[] {
  const text = execFileSync("ps", ["-A", "-ww", "-o", "pid=,command="], { encoding: "utf8" });
  return text.split("\n").map((line) => {
    const [pid = "", ...command] = line.trim().split(" ");
    return { pid: Number(pid), command: command.join(" ") };
  });
}

/** Returns the pids of the servers whose data directory is directly in the data folder. */
function serversOn(dataDir: string): readonly number[] {
  const argument = ` -D ${dataDir}/postgres `;
  return processes()
    .filter(({ command }) => command.includes(argument))
    .map(({ pid }) => pid);
}
