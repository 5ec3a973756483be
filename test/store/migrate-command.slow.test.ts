import { spawn } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { text } from "node:stream/consumers";
import { expect } from "chai";
import { llmpricesArguments } from "../support/command.js";

describe("llmprices migrate, without a database that responds", function () {
  this.timeout(60_000);

  it("exits 1 after ten seconds without a response, with one line that names the address", async () => {
    // Accepts connections and sends nothing.
    const silent = createServer().listen(0, "127.0.0.1");
    await once(silent, "listening");
    const { port } = silent.address() as AddressInfo;
    try {
      const child = spawn(process.execPath, [...llmpricesArguments, "migrate", "status"], {
        env: { ...process.env, DATABASE_URL: `postgres://postgres@127.0.0.1:${port}/x` },
        stdio: ["ignore", "ignore", "pipe"],
      });
      const [[code], errors] = await Promise.all([once(child, "exit"), text(child.stderr)]);
      expect(errors).to.equal(
        `llmprices: the database at 127.0.0.1:${port} cannot be reached: timeout expired\n`,
      );
      expect(code).to.equal(1);
    } finally {
      silent.close();
    }
  });
});
