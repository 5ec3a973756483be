import type { Command } from "commander";
import {
  addAudience,
  addBookVersion,
  addCharge,
  addConnection,
  addEffectiveFrom,
  addFilters,
  addOutput,
  addWrite,
  toBigInt,
} from "./flags.js";

/** Adds the commands that read or write single prices. */
export function addPriceCommands(program: Command): void {
  addCalculate(program);
  addExplain(program);
  addGet(program);
  addList(program);
  addHistory(program);
  addSet(program);
  addEnd(program);
  addCancel(program);
  addChanges(program);
  addWatch(program);
}

function addCalculate(program: Command): void {
  const command = program
    .command("calculate")
    .description("calculate what an account pays for its part of a provider cost")
    .argument("<key>", "charge_type/provider/model")
    .option("--account-usage-ratio <decimal>", "the account's part of the usage, 0 to 1")
    .option("--usage <decimal>", "the same as a fraction, with --total-usage")
    .option("--total-usage <decimal>", "all accounts' usage");
  addOutput(addConnection(addCharge(addAudience(command)), 30)).action(async (...parameters) => {
    const { runCalculate } = await import("./commands/calculate.js");
    await runCalculate(parameters[0], parameters[1]);
  });
}

function addExplain(program: Command): void {
  const command = program
    .command("explain")
    .description("print the prices that match a request, and which of them applies")
    .argument("<key>", "charge_type/provider/model")
    .option("--as-of <time>", "at this time instead of now")
    .option("--min-book-version <version>", "wait for this version of the price book", toBigInt);
  addOutput(addConnection(addBookVersion(addAudience(command)), 30)).action(
    async (...parameters) => {
      const { runExplain } = await import("./commands/explain.js");
      await runExplain(parameters[0], parameters[1]);
    },
  );
}

function addGet(program: Command): void {
  const command = program
    .command("get")
    .description("print one price")
    .argument("<key>", "charge_type/provider/model, provider/model, or the price's id")
    .option("--as-of <time>", "at this time instead of now");
  addOutput(addConnection(addBookVersion(addAudience(command)), 30)).action(
    async (...parameters) => {
      const { runGet } = await import("./commands/get.js");
      await runGet(parameters[0], parameters[1]);
    },
  );
}

function addList(program: Command): void {
  const command = program
    .command("list")
    .description("list the prices in effect")
    .option("--as-of <time>", "at this time instead of now");
  addOutput(addConnection(addFilters(addBookVersion(command)), 30)).action(async (flags) => {
    const { runList } = await import("./commands/list.js");
    await runList(flags);
  });
}

function addHistory(program: Command): void {
  const command = withKey(program.command("history"))
    .description("print a price's timeline: past, current and scheduled prices")
    .option("--superseded", "also what earlier versions of the price book said");
  addOutput(addConnection(command, 30)).action(async (...parameters) => {
    const { runHistory } = await import("./commands/history.js");
    await runHistory(parameters[0], parameters[1]);
  });
}

function addSet(program: Command): void {
  const command = withKey(program.command("set"))
    .description("set a price: change it, or create it if the key has none")
    .argument("<price>", "the markup factor, for example 1.25");
  addOutput(addConnection(addWrite(addEffectiveFrom(command)), 30)).action(
    async (...parameters) => {
      const { runSet } = await import("./commands/set.js");
      await runSet(parameters[0], parameters[1], parameters[2]);
    },
  );
}

function addEnd(program: Command): void {
  const command = withKey(program.command("end")).description(
    "end a price: without a price, a charge is an error",
  );
  addOutput(addConnection(addWrite(addEffectiveFrom(command)), 30)).action(
    async (...parameters) => {
      const { runEnd } = await import("./commands/end.js");
      await runEnd(parameters[0], parameters[1]);
    },
  );
}

function addCancel(program: Command): void {
  const command = withKey(program.command("cancel"))
    .description("take back a scheduled price, or a scheduled end")
    .requiredOption("--effective-from <time>", "the time for which it is scheduled");
  addOutput(addConnection(addWrite(command), 30)).action(async (...parameters) => {
    const { runCancel } = await import("./commands/cancel.js");
    await runCancel(parameters[0], parameters[1]);
  });
}

function addChanges(program: Command): void {
  const command = program
    .command("changes")
    .description("list what each version of the price book changed")
    .option("--since <version>", "only changes after this version", toBigInt);
  addOutput(addConnection(command, 30)).action(async (flags) => {
    const { runChanges } = await import("./commands/changes.js");
    await runChanges(flags);
  });
}

function addWatch(program: Command): void {
  const command = program
    .command("watch")
    .description("print each change of the price book when it is made, until interrupted")
    .option("--since <version>", "first print the changes after this version", toBigInt);
  addOutput(addConnection(command)).action(async (flags) => {
    const { runWatch } = await import("./commands/watch.js");
    await runWatch(flags);
  });
}

function withKey(command: Command): Command {
  return addAudience(command.argument("<key>", "charge_type/provider/model, or the price's id"));
}
