import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import type { Knex } from "knex";
import { toUrl } from "../../bench/support/database.js";
import { migrateDown, migrateUp, migrationStatus } from "../../src/store/schema/migrator.js";
import {
  type CommandResult,
  llmprices,
  llmpricesArguments,
  llmpricesProcess,
  toProgram,
} from "../support/command.js";
import { createTestDatabase, type TestDatabase } from "../support/postgres.js";

const names = [
  "20261201000001-catalog",
  "20261201000002-price-book",
  "20261201000003-llm-prices",
  "20261201000004-answered-requests",
  "20261201000005-rate-cards",
];

let database: TestDatabase;

async function createEmptyDatabase(): Promise<void> {
  database = await createTestDatabase({ empty: true });
}

describe("llmprices migrate", function () {
  this.timeout(60_000);
  beforeEach(createEmptyDatabase);
  afterEach(() => database.drop());

  it("up applies the pending migrations and prints their names", async () => {
    const { code, output } = await migrate("up");
    expect(output).to.equal(names.map((name) => `applied ${name}\n`).join(""));
    expect(code).to.equal(0);
    expect((await migrationStatus(database.connection)).pending).to.deep.equal([]);
  });

  it("up has nothing to do when nothing is pending", async () => {
    await migrateUp(database.connection);
    expect(await migrate("up")).to.deep.equal({ code: 0, output: "nothing to do\n", errors: "" });
  });

  it("down rolls back the last up and prints the names of its migrations", async () => {
    await migrateUp(database.connection);
    const { code, output } = await migrate("down");
    expect(output).to.equal(
      names
        .toReversed()
        .map((name) => `rolled back ${name}\n`)
        .join(""),
    );
    expect(code).to.equal(0);
  });

  it("status exits 1 when a migration is pending", async () => {
    const { code, output } = await migrate("status", toUrl(database.connection), llmpricesProcess);
    expect(output).to.equal(names.map((name) => `pending  ${name}\n`).join(""));
    expect(code).to.equal(1);
  });

  it("status exits 0 when no migration is pending", async () => {
    await migrateUp(database.connection);
    const { code, output } = await migrate("status", toUrl(database.connection), llmpricesProcess);
    expect(output).to.equal(names.map((name) => `applied  ${name}\n`).join(""));
    expect(code).to.equal(0);
  });

  it("up applies all migrations or none", async () => {
    // A later migration fails: its table already exists.
    await database.knex.raw("create table answered_requests ()");
    const { code, errors } = await migrate("up");
    expect(errors).to.include('relation "answered_requests" already exists');
    expect(code).to.equal(1);
    const { applied } = await migrationStatus(database.connection);
    expect(applied).to.deep.equal([]);
    expect(await database.knex.schema.hasTable("charge_types")).to.equal(false);
  });

  it("exits 2 without DATABASE_URL, and names the variable", async () => {
    const { code, errors } = await migrate("up", "");
    expect(errors).to.match(/^llmprices: DATABASE_URL is not set/);
    expect(code).to.equal(2);
  });

  it("exits 2 when DATABASE_URL is no PostgreSQL URL, and does not print the URL", async () => {
    const { code, errors } = await migrate("up", "mysql://root:hush@127.0.0.1/prices");
    expect(errors)
      .to.match(/DATABASE_URL/)
      .and.not.match(/hush/);
    expect(code).to.equal(2);
  });

  it("exits 1 when the database does not exist, and prints that error", async () => {
    const connection = { ...database.connection, database: "nowhere" };
    const { code, errors } = await migrate("up", toUrl(connection));
    expect(errors).to.equal('llmprices: database "nowhere" does not exist\n');
    expect(code).to.equal(1);
  });
});

describe("llmprices migrate, without a database that responds", function () {
  this.timeout(60_000);

  it("exits 1 when no server listens, with one line that names the address", async () => {
    const server = await listen();
    server.close();
    const { code, errors } = await migrate("status", server.url, llmpricesProcess);
    expect(errors).to.equal(
      `llmprices: the database at 127.0.0.1:${server.port} cannot be reached: ` +
        `connect ECONNREFUSED 127.0.0.1:${server.port}\n`,
    );
    expect(code).to.equal(1);
  });

  /** Starts a server that accepts connections and sends nothing. */
  async function listen() {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    return { port, url: `postgres://postgres@127.0.0.1:${port}/x`, close: () => server.close() };
  }
});

describe("knex migrate", function () {
  this.timeout(60_000);
  beforeEach(createEmptyDatabase);
  afterEach(() => database.drop());

  it("latest applies the pending migrations, through npm run knex", async () => {
    const { code, output } = await npmRunKnex("migrate:latest");
    expect(output).to.match(/Batch 1 run: 5 migrations/);
    expect(code).to.equal(0);
    expect((await migrationStatus(database.connection)).applied).to.deep.equal(names);
  });

  it("rollback rolls back the migrations of llmprices migrate up", async () => {
    await migrateUp(database.connection);
    const { code, output } = await knexCommand("migrate:rollback");
    expect(output).to.match(/Batch 1 rolled back: 5 migrations/);
    expect(code).to.equal(0);
    expect((await migrationStatus(database.connection)).applied).to.deep.equal([]);
  });

  for (const command of ["migrate:list", "migrate:status"]) {
    it(`${command.slice(8)} lists the migrations that llmprices migrate up applied`, async () => {
      await migrateUp(database.connection);
      const { code, output } = await knexCommand(command);
      expect(output).to.include(`Found 5 Completed Migration file/files.\n${names.join("\n")}\n`);
      expect(code).to.equal(0);
    });
  }

  it("list lists the pending migrations", async () => {
    const { code, output } = await knexCommand("migrate:list");
    expect(output).to.include(`Found 5 Pending Migration file/files.\n${names.join("\n")}\n`);
    expect(code).to.equal(0);
  });

  it("latest exits 1 without DATABASE_URL, and names the variable", async () => {
    const { code, errors } = await knexCommand("migrate:latest", "");
    expect(errors).to.match(/DATABASE_URL is not set/);
    expect(code).to.equal(1);
  });
});

const knexfile = toProgram("knexfile.ts");
const knexCli = ["node_modules/knex/bin/cli.js", "--knexfile", knexfile.path];
const migrators = {
  "llmprices migrate up": [...llmpricesArguments, "migrate", "up"],
  "knex migrate:latest": [...knexfile.options, ...knexCli, "migrate:latest"],
};

describe("migrators", function () {
  this.timeout(60_000);
  /** The transaction whose lock the migrators wait for. */
  let blocker: Knex.Transaction;

  beforeEach(async () => {
    await createEmptyDatabase();
    blocker = await database.knex.transaction();
  });
  afterEach(async () => {
    if (!blocker.isCompleted()) await blocker.rollback();
    await database.drop();
  });

  const llmpricesUp = migrators["llmprices migrate up"];
  const pairs = {
    "llmprices twice": [llmpricesUp, llmpricesUp],
    "llmprices and knex": Object.values(migrators),
  };
  for (const [pair, commands] of Object.entries(pairs)) {
    it(`run one after the other when started at once, and both succeed: ${pair}`, async () => {
      await blocker.raw("select pg_advisory_xact_lock(7236119)");
      const running = commands.map((command) => finish(node(command)));
      await untilWaitingForLocks(2);
      await blocker.commit();
      const codes = (await Promise.all(running)).map(({ code }) => code);
      expect(codes).to.deep.equal([0, 0]);
      expect(await database.knex("knex_migrations").orderBy("id").pluck("name")).to.deep.equal(
        names,
      );
    });
  }

  it("give up when the other does not end, and name it", async () => {
    await blocker.raw("select pg_advisory_xact_lock(7236119)");
    const error = await migrateUp(database.connection, { waitMs: 100 }).catch((thrown) => thrown);
    expect(error.message).to.match(
      /^another migrator has not ended in 0\.1 seconds: process \d+ of PostgreSQL, application "llmprices"/,
    );
  });

  for (const [command, parameters] of Object.entries(migrators)) {
    it(`say at once for whom they wait: ${command}`, async () => {
      const { rows } = await blocker.raw(
        "select pg_advisory_xact_lock(7236119), pg_backend_pid() as pid",
      );
      const waiting = node(parameters);
      const errors = waiting.stderr as Readable;
      const [line] = await once(errors, "data");
      expect(String(line)).to.match(
        new RegExp(
          `waiting for another migrator: process ${rows[0].pid} of PostgreSQL, ` +
            `application "llmprices", role "${database.connection.user}", connected since 20\\d\\d-.*Z`,
        ),
      );
      await blocker.commit();
      errors.resume();
      await once(waiting, "exit");
      expect(waiting.exitCode).to.equal(0);
    });

    it(`leave no lock behind when killed midway: ${command} succeeds when run again`, async () => {
      // The first migration waits for this transaction, which creates a table of the same name.
      await blocker.raw("create table charge_types ()");
      const killed = node(parameters);
      await untilWaitingForLocks(1);
      killed.kill("SIGKILL");
      await once(killed, "exit");
      await blocker.rollback();
      expect((await finish(node(parameters))).code).to.equal(0);
      expect((await migrationStatus(database.connection)).applied).to.deep.equal(names);
    });

    it(`succeed in spite of a stale lock row: ${command}`, async () => {
      await migrateUp(database.connection);
      await migrateDown(database.connection);
      await database.knex("knex_migrations_lock").update({ is_locked: 1 });
      expect((await finish(node(parameters))).code).to.equal(0);
      expect((await migrationStatus(database.connection)).applied).to.deep.equal(names);
    });
  }
});

function migrate(
  command: string,
  url = toUrl(database.connection),
  run = llmprices,
): Promise<CommandResult> {
  return run(["migrate", command], { env: { DATABASE_URL: url } });
}

function npmRunKnex(command: string): Promise<CommandResult> {
  const parameters = ["run", "--silent", "knex", "--", command];
  return finish(start("npm", parameters, toUrl(database.connection)));
}

function knexCommand(command: string, url?: string): Promise<CommandResult> {
  return finish(node([...knexfile.options, ...knexCli, command], url));
}

function node(parameters: readonly string[], url = toUrl(database.connection)): ChildProcess {
  return start(process.execPath, parameters, url);
}

function start(program: string, parameters: readonly string[], url: string): ChildProcess {
  const env = { ...process.env, DATABASE_URL: url, NO_COLOR: "1" };
  const cwd = fileURLToPath(new URL("../..", import.meta.url));
  return spawn(program, parameters, { env, cwd, stdio: ["ignore", "pipe", "pipe"] });
}

async function finish(child: ChildProcess): Promise<CommandResult> {
  const { stdout, stderr } = child;
  if (stdout === null || stderr === null) throw new Error("the child's output is not piped");
  const [[code], output, errors] = await Promise.all([
    once(child, "exit"),
    text(stdout),
    text(stderr),
  ]);
  return { code, output, errors };
}

async function untilWaitingForLocks(count: number): Promise<void> {
  const waiting = "datname = current_database() and wait_event_type = 'Lock'";
  while ((await database.knex("pg_stat_activity").whereRaw(waiting)).length < count) await wait(5);
}
