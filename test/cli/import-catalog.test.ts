import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { commandsFor } from "../support/command.js";
import { startTestService, type TestService } from "../support/service.js";

describe("llmprices import-catalog", function () {
  this.timeout(60_000);
  let service: TestService;
  let llmprices: ReturnType<typeof commandsFor>;
  let folder: string;

  beforeEach(async () => {
    service = await startTestService();
    llmprices = commandsFor(service);
    folder = mkdtempSync(join(tmpdir(), "llmprices-catalog-"));
  });
  afterEach(async () => {
    rmSync(folder, { recursive: true });
    await service.stop();
  });

  async function models(): Promise<string[]> {
    const page = await service.catalog.listModels({});
    return page.models.map(({ provider, name }) => `${provider}/${name}`);
  }

  it("registers new providers and models, and leaves known ones unchanged", async () => {
    const input = "provider,model\nacme,a\nacme,b\nzen,a/b\nacme,a\n";
    expect(await llmprices(["import-catalog", "-"], { input })).to.deep.equal({
      code: 0,
      output: "registered 2 providers and 3 models; known already: 0 and 0\n",
      errors: "",
    });
    expect(await models()).to.deep.equal(["acme/a", "acme/b", "zen/a/b"]);
    const more = `${input}acme,c\n`;
    const { output } = await llmprices(["import-catalog", "-"], { input: more });
    expect(output).to.equal("registered 0 providers and 1 models; known already: 2 and 3\n");
  });

  it("reads JSON Lines from a file", async () => {
    const file = join(folder, "names.jsonl");
    writeFileSync(file, '{"provider":"acme","model":"a"}\n');
    const { output } = await llmprices(["import-catalog", file]);
    expect(output).to.equal("registered 1 providers and 1 models; known already: 0 and 0\n");
  });

  it("registers nothing when a row is bad, and names the line of each bad row", async () => {
    const input = "provider,model\nacme,a\nAcme,\nzen\nacme,b\n";
    const { code, output, errors } = await llmprices(["import-catalog", "-"], { input });
    expect(errors).to.equal(
      [
        "llmprices: nothing is registered, 2 rows are bad:",
        'stdin:3: provider is "Acme"; allowed: [a-z0-9][a-z0-9._-]{0,62}; ' +
          "model is required: 1 to 255 visible ASCII characters, with single spaces between them",
        "stdin:4: has 1 values; expected 2",
        "",
      ].join("\n"),
    );
    expect({ code, output }).to.deep.equal({ code: 1, output: "" });
    expect(await models()).to.deep.equal([]);
  });
});
