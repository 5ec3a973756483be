import { randomUUID } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect } from "chai";
import { commandsFor } from "../support/command.js";
import { importCards, rate } from "../support/rate-cards.js";
import { startTestService, type TestService } from "../support/service.js";
import { createTemporaryFolder } from "../support/temporary-folder.js";

describe("llmprices import-rates", function () {
  this.timeout(120_000);
  let service: TestService;
  let llmprices: ReturnType<typeof commandsFor>;
  let provider: string;
  /** The version of the last import, which the next calculation needs. */
  let version = "0";
  const folder = createTemporaryFolder("import-rates");
  before(async () => {
    service = await startTestService();
    llmprices = commandsFor(service);
  });
  after(() => service.stop());
  beforeEach(() => {
    provider = `litellm-${randomUUID()}`;
  });

  const fileOf = (content: string | Uint8Array) => {
    const file = join(folder, `${randomUUID()}.data`);
    writeFileSync(file, content);
    return file;
  };
  /** A file in the form of LiteLLM's: dollars for one token. */
  const liteLlm = (entries: Readonly<Record<string, object>>) =>
    fileOf(
      JSON.stringify(
        Object.fromEntries(
          Object.entries(entries).map(([name, fields]) => [
            `${provider}/${name}`,
            { litellm_provider: provider, ...fields },
          ]),
        ),
      ),
    );
  const runImport = async (parameters: readonly string[]) => {
    const result = await llmprices(["import-rates", ...parameters]);
    version = /^book version (\d+)$/m.exec(result.output)?.[1] ?? version;
    return result;
  };
  const importFile = (file: string, ...flags: readonly string[]) =>
    runImport([file, "--source", "litellm", "--register-missing", ...flags]);
  const cells = (output: string, start: string) =>
    output
      .split("\n")
      .filter((line) => line.startsWith(start))
      .map((line) => line.split(/ {2,}/));
  const costOf = async (model: string, asOf?: string, of = provider) => {
    const time = asOf === undefined ? [] : ["--as-of", asOf];
    const flags = ["--format", "openai-chat", "--min-book-version", version, ...time];
    const parameters = ["rate", `${of}/${model}`, "-", ...flags];
    const usage = { prompt_tokens: 1_000_000, completion_tokens: 0, total_tokens: 1_000_000 };
    const { output, errors } = await llmprices(parameters, { input: JSON.stringify(usage) });
    return /provider_cost +(\S+)/.exec(output)?.[1] ?? errors;
  };

  it("adds rate cards, and changes nothing when the same file comes again", async () => {
    const prices = { input_cost_per_token: 2.5e-6, output_cost_per_token: 1.5000000000000002e-5 };
    const file = liteLlm({ "m-1": prices, "m-2": { input_cost_per_token: 1e-6 } });
    const first = await importFile(file, "--reason", "the first");
    expect(first.errors).to.equal("");
    expect(first.output).to.contain("2 added, 0 changed, 0 ended, 0 unchanged (of 2 rows)");
    expect(first.output).to.contain("registered: 1 providers, 2 models");
    expect(await costOf("m-1")).to.equal("2.5");
    const again = await importFile(file);
    expect(again.output).to.contain("0 added, 0 changed, 0 ended, 2 unchanged (of 2 rows)");
  });

  it("shows with --dry-run each rate that changes, and what is left out and why", async () => {
    const before = liteLlm({ "m-1": { input_cost_per_token: 2e-6, output_cost_per_token: 8e-6 } });
    await importFile(before);
    const after = liteLlm({
      "m-1": { input_cost_per_token: 3e-6, output_cost_per_token: 8e-6 },
      "m-2": { input_cost_per_token: 1e-6 },
      free: { input_cost_per_token: 0, output_cost_per_token: 0 },
      picture: { output_cost_per_image: 0.04 },
    });
    const { output } = await importFile(after, "--dry-run");
    const [changed] = cells(output, "changed");
    expect(changed?.slice(1, 6)).to.deep.equal([`${provider}/m-1`, "INPUT", "2", "3", "+50 %"]);
    expect(cells(output, "changed")).to.have.length(1);
    expect(cells(output, "added").map((line) => line.slice(1, 3))).to.deep.equal([
      [`${provider}/m-2`, "1 rate"],
    ]);
    expect(output).to.contain("all prices are 0, or the price is empty (FREE)");
    expect(output).to.contain(`  ${provider}/picture`);
    expect(output).to.contain("dry run, would be: 1 added, 1 changed, 0 ended, 0 unchanged");
    expect(output).to.contain("left out: 2 entries");
    expect(await costOf("m-1")).to.equal("2");
    const json = JSON.parse((await importFile(after, "--dry-run", "--output", "json")).output);
    expect(json.imported.counts).to.include({ createdCount: "1", updatedCount: "1" });
    expect(json.omitted.map((each: { reason: string }) => each.reason)).to.deep.equal([
      ...["FREE", "NO_BUCKET"],
    ]);
  });

  it("ends with --missing end what the file lacks of the provider, within --max-end", async () => {
    const price = { input_cost_per_token: 1e-6 };
    await importFile(liteLlm({ "m-1": price, "m-2": price }), "--provider", provider);
    const file = liteLlm({ "m-1": price });
    const flags = ["--provider", provider, "--missing", "end"];
    const guarded = await importFile(file, ...flags);
    expect(guarded.errors).to.contain("1 of 2 rate cards (50 %) would end");
    expect(guarded.errors).to.contain("--max-end sets another limit");
    const dry = await importFile(file, ...flags, "--dry-run");
    expect(cells(dry.output, "ended")[0]?.at(-1)).to.equal("it is not in the file");
    expect(dry.errors).to.contain("the file would be rejected");
    expect(dry.errors).to.contain("--max-end sets another limit.");
    const { output } = await importFile(file, ...flags, "--max-end", "50%");
    expect(output).to.contain("0 added, 0 changed, 1 ended, 1 unchanged (of 1 rows)");
  });

  it("schedules the end of a model, and imports none that has ended", async () => {
    const price = { input_cost_per_token: 1e-6 };
    const file = liteLlm({
      future: { ...price, deprecation_date: "2090-01-01" },
      past: { ...price, deprecation_date: "2026-01-01" },
    });
    const { output } = await importFile(file);
    expect(output).to.contain("1 added, 0 changed, 0 ended, 1 unchanged (of 3 rows)");
    expect(output).to.contain("ended by now: 1; --effective-from imports their past");
    expect(await costOf("future", "2089-12-31T23:59:59Z")).to.equal("1");
    expect(await costOf("future", "2090-01-01")).to.contain("no rate card of");
    await importFile(file, "--effective-from", "2025-06-01");
    expect(await costOf("past", "2025-06-01")).to.equal("1");
    expect(await costOf("past", "2025-05-31")).to.contain("no rate card of");
    expect(await costOf("past", "2026-01-01")).to.contain("no rate card of");
  });

  it("moves and takes back the end of a model as the file does", async () => {
    const price = { input_cost_per_token: 1e-6 };
    const fileWith = (end?: string) =>
      liteLlm({ "m-1": { ...price, ...(end !== undefined && { deprecation_date: end }) } });
    await importFile(fileWith("2090-01-01"));
    const moved = await importFile(fileWith("2091-01-01"), "--max-changes", "9");
    expect(moved.output).to.contain("0 added, 0 changed, 1 ended, 0 unchanged");
    expect(await costOf("m-1", "2090-06-01")).to.equal("1");
    expect(await costOf("m-1", "2091-01-01")).to.contain("no rate card of");
    const gone = await importFile(fileWith(), "--dry-run");
    expect(gone.output).to.contain("0 added, 1 changed, 0 ended, 0 unchanged");
    await importFile(fileWith());
    expect(await costOf("m-1", "2092-01-01")).to.equal("1");
    expect((await importFile(fileWith())).output).to.contain("0 changed, 0 ended, 1 unchanged");
  });

  it("ends the rate card of a known model that has ended since", async () => {
    const price = { input_cost_per_token: 1e-6 };
    await importFile(liteLlm({ "m-1": price }));
    const file = liteLlm({ "m-1": { ...price, deprecation_date: "2026-01-01" } });
    expect((await importFile(file)).output).to.contain("0 added, 0 changed, 1 ended");
    expect(await costOf("m-1")).to.contain("no rate card of");
  });

  it("reads only one provider, under another name", async () => {
    const other = { litellm_provider: "other", input_cost_per_token: 1e-6 };
    const file = liteLlm({ "m-1": { input_cost_per_token: 1e-6 }, "m-2": other });
    const renamed = `${provider}-renamed`;
    const { output } = await importFile(file, "--provider", provider, "--as", renamed);
    expect(output).to.contain("1 added");
    expect(await costOf("m-1", undefined, renamed)).to.equal("1");
    const absent = await importFile(file, "--provider", "absent");
    expect(absent.errors).to.contain(`has no rate card of absent; its providers are: ${provider}`);
    expect((await importFile(file, "--as", "x")).errors).to.contain("--as needs --provider");
    const free = await importFile(liteLlm({ "m-1": { input_cost_per_token: 0 } }));
    expect(free.errors).to.contain("has no rate card; left out: 1 FREE");
  });

  it("keeps the dates of a file that has them, for models that are new", async () => {
    const file = fileOf(`
providers: list[Provider] = [
    Provider(
        id='${provider}', name='P', api_pattern='p',
        models=[
            ModelInfo(
                id='m-1', match=ClauseEquals(equals='m-1'),
                prices=[
                    ConditionalPrice(prices=ModelPrice(input_mtok=Decimal('1'))),
                    ConditionalPrice(
                        constraint=StartDateConstraint(start_date=datetime.date(2026, 3, 1)),
                        prices=ModelPrice(input_mtok=Decimal('2')),
                    ),
                    ConditionalPrice(
                        constraint=StartDateConstraint(start_date=datetime.date(2090, 1, 1)),
                        prices=ModelPrice(input_mtok=Decimal('3')),
                    ),
                ],
            ),
        ],
    ),
]
`);
    const flags = [file, "--source", "genai-prices", "--register-missing"];
    const first = await runImport(flags);
    expect(first.errors).to.equal("");
    expect(first.output).to.contain("1 added, 0 changed, 0 ended, 0 unchanged (of 2 rows)");
    expect(await costOf("m-1", "2026-02-28")).to.contain("no rate card of");
    expect(await costOf("m-1", "2026-03-01")).to.equal("2");
    expect(await costOf("m-1", "2090-01-01")).to.equal("3");
    const again = await runImport(flags);
    expect(again.output).to.contain("0 added, 0 changed, 0 ended, 1 unchanged (of 2 rows)");
  });

  it("changes only what is in effect now of a model that has a rate card", async () => {
    const rates = [rate("INPUT", "9")];
    const row = { provider, model: "m-1", currencyCode: "USD", rates };
    await importCards(service, [row], { registerMissing: true });
    const file = liteLlm({ "m-1": { input_cost_per_token: 1e-6 } });
    const { errors } = await importFile(file, "--effective-from", "2025-01-01");
    expect(errors).to.equal("");
    expect(await costOf("m-1")).to.equal("1");
    expect(await costOf("m-1", "2025-01-02")).to.contain("no rate card of");
  });

  it("reads a compressed file and standard input", async () => {
    const data = {
      [provider]: { models: { "m-1": { cost: { input: 1, output: 2 } } } },
    };
    const file = fileOf(gzipSync(JSON.stringify(data)));
    const flags = ["--source", "models-dev", "--register-missing"];
    const { output } = await llmprices(["import-rates", file, ...flags]);
    expect(output).to.contain("1 added");
    const input = JSON.stringify(data);
    const again = await llmprices(["import-rates", "-", ...flags], { input });
    expect(again.output).to.contain("1 unchanged");
  });

  it("names the rate card of a bad row, and the file that is of another source", async () => {
    const file = liteLlm({ "m-1": { input_cost_per_token: 1e-6 } });
    const parameters = ["import-rates", file, "--source", "litellm"];
    const { errors } = await llmprices(parameters);
    expect(errors).to.contain(
      `${provider}/m-1: provider is "${provider}", which is not registered`,
    );
    expect(errors).to.contain("set --register-missing");
    const wrong = await llmprices(["import-rates", file, "--source", "models-dev"]);
    expect(wrong.errors).to.contain("expected the data.json of models.dev");
    const none = await llmprices(["import-rates", `${file}.absent`, "--source", "litellm"]);
    expect(none.errors).to.contain("cannot be read");
  });
});
