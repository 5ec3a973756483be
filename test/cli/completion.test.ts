import { spawnSync } from "node:child_process";
import { expect } from "chai";
import { llmpricesProcess as llmprices } from "../support/command.js";

/** Returns the completions that a shell receives, and whether it may complete file names. */
async function complete(...words: string[]) {
  const { output } = await llmprices(["complete", "--", ...words]);
  const lines = output.trimEnd().split("\n");
  const directive = Number(lines.pop()?.slice(1));
  return { values: lines.map((line) => line.split("\t")[0]), isFile: (directive & 4) === 0 };
}

describe("llmprices completion", function () {
  this.timeout(60_000);

  it("prints a script for each shell that calls the command", async () => {
    for (const shell of ["bash", "zsh", "fish"]) {
      const { code, output } = await llmprices(["completion", shell]);
      expect(output).to.include("llmprices complete --");
      expect(code).to.equal(0);
    }
  });

  it("prints a script that bash accepts and that completes file names", async () => {
    const { output } = await llmprices(["completion", "bash"]);
    expect(spawnSync("bash", ["-n"], { input: output })).to.include({ status: 0 });
    const { stdout } = spawnSync("bash", ["-s"], { input: `${output}\ncomplete -p llmprices` });
    expect(String(stdout)).to.equal("complete -o default -F __llmprices_complete llmprices\n");
  });

  it("exits 2 for an unknown shell", async () => {
    const { code, errors } = await llmprices(["completion", "tcsh"]);
    expect(errors).to.match(/Allowed choices are bash, zsh, fish/);
    expect(code).to.equal(2);
  });

  it("completes commands and subcommands", async () => {
    expect((await complete("imp")).values).to.deep.equal([
      "import-rates",
      "import",
      "import-catalog",
    ]);
    expect((await complete("c")).values).to.include.members(["cancel", "changes", "calculate"]);
    expect((await complete("migrate", "")).values).to.include.members(["up", "down", "status"]);
  });

  it("completes the flags of a command, and the choices of a flag", async () => {
    const flags = await complete("import", "--re");
    expect(flags.values).to.deep.equal(["--register-missing", "--reason", "--request-id"]);
    const missing = await complete("import", "--missing", "");
    expect(missing).to.deep.equal({ values: ["keep", "end", "replace"], isFile: false });
    const formats = await complete("import", "--format", "");
    expect(formats).to.deep.equal({ values: ["csv", "jsonl"], isFile: false });
  });

  it("leaves file names to the shell where a file is expected", async () => {
    expect(await complete("import", "pri")).to.deep.equal({ values: [], isFile: true });
    const key = "completion/acme/a";
    expect(await complete("allocate", "")).to.deep.equal({ values: [], isFile: false });
    expect(await complete("allocate", key, "us")).to.deep.equal({ values: [], isFile: true });
    expect(await complete("set", key, "")).to.deep.equal({ values: [], isFile: false });
    expect(await complete("list", "--ca-file", "")).to.deep.equal({ values: [], isFile: true });
    expect(await complete("list", "--provider", "")).to.deep.equal({ values: [], isFile: false });
  });
});
