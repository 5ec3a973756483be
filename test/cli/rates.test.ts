import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { commandsFor } from "../support/command.js";
import { freshRateCard, rate } from "../support/rate-cards.js";
import { startTestService, type TestService } from "../support/service.js";
import { createTemporaryFolder } from "../support/temporary-folder.js";

describe("llmprices rate and rate-cards", function () {
  this.timeout(120_000);
  let service: TestService;
  let llmprices: ReturnType<typeof commandsFor>;
  let model: string;
  const folder = createTemporaryFolder("rates");
  before(async () => {
    service = await startTestService();
    llmprices = commandsFor(service);
    const { key } = await freshRateCard(service, [
      ...[rate("INPUT", "2.5"), rate("CACHE_READ", "1.25"), rate("OUTPUT", "10")],
      rate("INPUT", "5", { inputAbove: 200_000n, region: "eu" }),
    ]);
    model = `${key.provider}/${key.model}`;
  });
  after(() => service.stop());

  const usage = {
    ...{ prompt_tokens: 10_000, completion_tokens: 500, total_tokens: 10_600 },
    prompt_tokens_details: { cached_tokens: 8000 },
    completion_tokens_details: { reasoning_tokens: 200 },
  };
  const cellsOf = (line: string | undefined) => line?.split(/ {2,}/);

  it("print each line of the cost of a file, the sum and the findings", async () => {
    const file = join(folder, "usage.json");
    writeFileSync(file, JSON.stringify(usage));
    const { output, errors } = await llmprices(["rate", model, file, "--format", "openai-chat"]);
    expect(errors).to.equal("");
    const lines = output.trimEnd().split("\n");
    expect(lines.slice(0, 5).map(cellsOf)).to.deep.equal([
      ["bucket", "quantity", "rate", "per", "amount", "conditions", "model"],
      ["INPUT", "2000", "2.5", "1000000", "0.005"],
      ["CACHE_READ", "8000", "1.25", "1000000", "0.01"],
      ["OUTPUT", "300", "10", "1000000", "0.003"],
      ["REASONING", "200", "10", "1000000", "0.002", "rated as OUTPUT"],
    ]);
    expect(output).to.match(/^provider_cost +0.02 USD$/m);
    expect(output).to.match(/^finding: SUM_MISMATCH in .*total_tokens/m);
  });

  it("read the object from standard input, and print JSON", async () => {
    const parameters = ["rate", model, "-", "--format", "openai-chat", "--output", "json"];
    const { output } = await llmprices(parameters, { input: JSON.stringify({ usage }) });
    const rated = JSON.parse(output);
    expect(rated).to.include({ providerCost: "0.02", exact: true });
    expect(rated.lines).to.have.length(4);
  });

  it("name what is wrong", async () => {
    const rateIt = async (input: string, name = model, format = "openai-chat") =>
      (await llmprices(["rate", name, "-", "--format", format], { input })).errors;
    expect(await rateIt("{")).to.include("usage.raw_json");
    expect(await rateIt("{}", "gpt-4o")).to.include("expected provider/model");
    expect(await rateIt(JSON.stringify(usage), `${model}x`)).to.include(`did you mean ${model}?`);
    expect(await rateIt("{}", model, "openai")).to.include("Allowed choices are openai-chat");
  });

  it("list each rate with its conditions", async () => {
    const { output } = await llmprices(["rate-cards", "--provider", "acme"]);
    const lines = output.trimEnd().split("\n").map(cellsOf);
    expect(lines).to.have.length(5);
    expect(lines[4]?.slice(2, 7)).to.deep.equal([
      ...["INPUT", "5", "1000000", "USD", "region eu, input above 200000"],
    ]);
    const json = await llmprices(["rate-cards", "--output", "json"]);
    expect(JSON.parse(json.output).rates).to.have.length(4);
  });
});
