import { type Command, Option } from "commander";
import { usageFormats } from "../domain/usage/usage.js";
import { addBookVersion, addConnection, addOutput, toBigInt, toText } from "./flags.js";

/** Adds the commands that rate usage and read rate cards. */
export function addRateCommands(program: Command): void {
  addRate(program);
  addRateCards(program);
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
