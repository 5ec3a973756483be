import { readdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import type { Checks } from "./checks.js";
import { run } from "./command.js";

/** Checks that Google's API linter finds exactly what we disable in our protos. */
export async function checkApiLinter({ check }: Checks): Promise<void> {
  await check("api-linter finds nothing but what proto/api-linter.yaml declines", async () => {
    const found = await lint("--config", configName);
    expect(found.map(({ rule_id, message }) => `${rule_id}: ${message}`)).to.deep.equal([]);
  });
  await check("proto/api-linter.yaml declines nothing that we keep to", async () => {
    const found = await lint();
    const config = await readFile(new URL(configName, protos), "utf8");
    const declined = config.match(/^ +- core::\S+$/gm) ?? [];
    expect(declined.map((line) => line.trim().slice(2))).to.have.members([
      ...new Set(found.map(({ rule_id }) => rule_id)),
    ]);
  });
}

type Problem = { readonly rule_id: string; readonly message: string };

/** Runs it on all files. Paths are relative to the folder of the imports. */
async function lint(...options: string[]): Promise<Problem[]> {
  const folder = fileURLToPath(protos);
  const files = readdirSync(new URL("llmprices/v1", protos)).map((name) => `llmprices/v1/${name}`);
  const imports = ["-I", "../node_modules/google-proto-files", "--output-format", "json"];
  const { exitCode, stdout, stderr } = await run(
    "api-linter",
    [...imports, ...options, ...files],
    folder,
  );
  expect(exitCode, stderr).to.equal(0);
  const answered: { file_path: string; problems: Problem[] }[] = JSON.parse(stdout);
  expect(answered.map((each) => each.file_path)).to.have.members(files);
  return answered.flatMap((each) => each.problems);
}

const protos = new URL("../../proto/", import.meta.url);
const configName = "api-linter.yaml";
