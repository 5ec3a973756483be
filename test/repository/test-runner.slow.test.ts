import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { connect } from "node:net";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { expect } from "chai";

describe("npm test", function () {
  this.timeout(120_000);

  it("ends, fails and names the resources that tests leave open", async () => {
    const child = start("closes-nothing", "fails");
    const [output, errors] = await Promise.all([text(child.stdout), text(child.stderr)]);
    expect(output)
      .to.match(/^ {2}1 passing/m)
      .and.match(/^ {2}2 failing$/m);
    expect(output)
      .to.include("this test always fails")
      .and.include(
        "test/fixtures/runner/closes-nothing.js left open: a database, a service, by " +
          '"A file whose tests close nothing passes"; a database, a service',
      );
    expect(errors).to.match(/^Tests left processes running:\n\d+ .*node --eval setInterval/);
    expect(child.exitCode).to.equal(1);
  });

  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    it(`leaves no process, folder or PostgreSQL after ${signal}`, async () => {
      const child = start("waits");
      const open = await findOpen(child.stdout);
      expect([open.build, open.tmpdir].map(existsSync)).to.deep.equal([true, true]);
      child.kill(signal);
      await once(child, "exit");
      expect([open.build, open.tmpdir].map(existsSync)).to.deep.equal([false, false]);
      expect(isRunning(open.processId)).to.equal(false);
      const [error] = await once(connect(open.port, "127.0.0.1"), "error");
      expect(error).to.include({ code: "ECONNREFUSED" });
    });
  }
});

/** Runs files with faulty tests on their own PostgreSQL. */
function start(...names: readonly string[]) {
  const { TEST_DATABASE_URL: _, ...env } = process.env;
  const files = names.map((name) => `test/fixtures/runner/${name}.ts`);
  const runner = ["test/run.mjs", ...files];
  return spawn(process.execPath, runner, { env, stdio: ["ignore", "pipe", "pipe"] });
}

/** Returns false for a zombie: a process that ended and whose exit code has not been read. */
function isRunning(processId: number): boolean {
  const { stdout } = spawnSync("ps", ["-o", "stat=", "-p", String(processId)], {
    encoding: "utf8",
  });
  return /^[^Z]/.test(stdout);
}

type Open = { readonly processId: number; readonly port: number } & Record<
  "build" | "tmpdir",
  string
>;

async function findOpen(output: NodeJS.ReadableStream): Promise<Open> {
  for await (const line of createInterface(output)) {
    if (line.startsWith("{")) return JSON.parse(line);
  }
  throw new Error("the test has not started");
}
