import { type Command, Option } from "commander";
import { usageFormats } from "../domain/usage/usage.js";
import {
  addBookVersion,
  addConnection,
  addOutput,
  toBigInt,
  toPercent,
  toText,
  toWholeNumber,
} from "./flags.js";
import { rateSources } from "./rates/rate-sources.js";

/** Adds the commands that rate usage and read rate cards. */
export function addRateCommands(program: Command): void {
  addRate(program);
  addRateCards(program);
  addImportRates(program);
}

function addRate(program: Command): void {
  const names = usageFormats.map((name) => name.toLowerCase().replaceAll("_", "-"));
  const command = program
    .command("rate")
    .description("calculate what a provider charges for the usage of an answer")
    .argument("<model>", "provider/model")
    .argument("<file>", "the provider's usage object or whole answer as JSON, or - for stdin")
    .addOption(
      new Option("--format <format>", "what the object is").choices(names).makeOptionMandatory(),
    )
    .option(
      "--service-tier <name>",
      "the tier that served the request, if it is not in the object",
      toText,
    )
    .option("--region <name>", "the region of the request", toText)
    .option("--as-of <time>", "with the rates of this time instead of now")
    .option("--min-book-version <version>", "wait for this version of the price book", toBigInt);
  addOutput(addConnection(addBookVersion(command), 30)).action(async (...parameters) => {
    const { runRate } = await import("./commands/rates/rate.js");
    await runRate(parameters[0], parameters[1], parameters[2]);
  });
}

function addRateCards(program: Command): void {
  const command = program
    .command("rate-cards")
    .description("list what providers charge for their models")
    .option("--provider <name>", "only this provider", toText)
    .option("--model-prefix <text>", "only models whose names begin with this", toText)
    .option("--as-of <time>", "at this time instead of now");
  addOutput(addConnection(addBookVersion(command), 30)).action(async (flags) => {
    const { runRateCards } = await import("./commands/rates/rate-cards.js");
    await runRateCards(flags);
  });
}

function addImportRates(program: Command): void {
  const command = program
    .command("import-rates")
    .description("import the rate cards of a published price file: all of them, or none")
    .argument("<file>", "the source's file, or - for stdin; gzip is recognized")
    .addOption(
      new Option("--source <name>", "the project that publishes the file")
        .choices(rateSources)
        .makeOptionMandatory(),
    )
    .option("--dry-run", "show what would change, and what is left out and why; write nothing")
    .option("--provider <name>", "only this provider, by its name in the file", toText)
    .addOption(new Option("--as <name>", "the provider's name in the price book").argParser(toText))
    .option("--include-free", "also entries whose prices are all 0")
    .option("--register-missing", "register the names that the file has and the service does not")
    .addOption(
      new Option(
        "--missing <what>",
        "rate cards that the file lacks: keep them, or end those of the provider, or all",
      ).choices(["keep", "end"]),
    )
    .option(
      "--max-end <percent>",
      "reject the file if more rate cards would end because it lacks them; default: 10%",
      toPercent,
    )
    .option(
      "--effective-from <time>",
      "when rates without a date begin; the past only for models that never had a rate card",
    )
    .option("--reason <text>", "why, kept with every revision")
    .option("--request-id <uuid>", "makes a repeat of this import safe for 24 hours")
    .option("--max-changes <count>", "how many changes to show, at most 1000", toWholeNumber)
    .option("--details", "list everything that is left out");
  addOutput(addConnection(command)).action(async (file, flags) => {
    const { runImportRates } = await import("./commands/rates/import-rates.js");
    await runImportRates(file, flags);
  });
}
