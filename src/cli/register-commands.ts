import { Argument, type Command, Option } from "commander";
import { addConnection, addFile, addFilters, addOutput, toBigInt, toWholeNumber } from "./flags.js";

/** Adds the commands that call a running service. Each imports its module when it runs. */
export function addClientCommands(program: Command): void {
  addCalculate(program);
  addList(program);
  addHealth(program);
  addImport(program);
  addExport(program);
  addImportCatalog(program);
  addToken(program);
  addCompletion(program);
}

function addCalculate(program: Command): void {
  const command = program
    .command("calculate")
    .description("calculate what an account pays for its part of a provider cost")
    .argument("<key>", "charge_type/provider/model")
    .requiredOption("--provider-cost <decimal>", "what the provider bills")
    .option("--account-usage-ratio <decimal>", "the account's part of the usage, 0 to 1")
    .option("--usage <decimal>", "the same as a fraction, with --total-usage")
    .option("--total-usage <decimal>", "all accounts' usage")
    .option("--as-of <time>", "price at this time instead of now")
    .option("--scale <digits>", "fraction digits to round to, 0 to 18", toWholeNumber)
    .addOption(new Option("--mode <mode>", "how to round").choices(roundingModes))
    .option("--currency-code <code>", "ISO 4217, for example USD; echoed, never converted")
    .option("--min-book-version <version>", "wait for this version of the price book", toBigInt);
  addOutput(addConnection(command, 30)).action(async (...parameters) => {
    const { runCalculate } = await import("./commands/calculate.js");
    await runCalculate(parameters[0], parameters[1]);
  });
}

function addList(program: Command): void {
  const command = program
    .command("list")
    .description("list the prices in effect")
    .option("--as-of <time>", "at this time instead of now");
  addOutput(addConnection(addFilters(command), 30)).action(async (flags) => {
    const { runList } = await import("./commands/list.js");
    await runList(flags);
  });
}

function addHealth(program: Command): void {
  const command = program
    .command("health")
    .description("check the service's health; exits 0 only if it is serving")
    .option("--service <name>", "the gRPC service to ask about", "");
  addOutput(addConnection(command, 5)).action(async (flags) => {
    const { runHealth } = await import("./commands/health.js");
    await runHealth(flags);
  });
}

function addImport(program: Command): void {
  const command = program
    .command("import")
    .description("apply a price list: all of its rows, or none")
    .argument("<file>", "CSV or JSON Lines; - is standard input")
    .option("--dry-run", "show what would be created, changed and ended; write nothing")
    .option("--register-missing", "register the names that the list has and the service does not")
    .option("--end-missing", "end every price that has no row in the list")
    .option("--reason <text>", "why, kept with every revision")
    .option("--request-id <uuid>", "makes a repeat of this import safe for 24 hours")
    .option("--max-changes <count>", "how many changes to show, at most 1000", toWholeNumber);
  addOutput(addFile(addConnection(command))).action(async (...parameters) => {
    const { runImport } = await import("./commands/import.js");
    await runImport(parameters[0], parameters[1]);
  });
}

function addExport(program: Command): void {
  const command = program
    .command("export")
    .description("write a price list for import: current and scheduled prices")
    .argument("[file]", "CSV or JSON Lines; - is standard output", "-")
    .option("--current", "only current prices, without effective_from: a list to edit");
  addFile(addConnection(addFilters(command), 30)).action(async (...parameters) => {
    const { runExport } = await import("./commands/export.js");
    await runExport(parameters[0], parameters[1]);
  });
}

function addImportCatalog(program: Command): void {
  const command = program
    .command("import-catalog")
    .description("register the providers and models that a list names")
    .argument("<file>", "CSV or JSON Lines with provider and model; - is standard input")
    .option("--reason <text>", "why, written to the service's log");
  addFile(addConnection(command, 30)).action(async (...parameters) => {
    const { runImportCatalog } = await import("./commands/import-catalog.js");
    await runImportCatalog(parameters[0], parameters[1]);
  });
}

function addToken(program: Command): void {
  const token = program.command("token").description("tokens for AUTH_TOKENS_FILE");
  token
    .command("create")
    .description("print a new token and its line for the file; calls no service")
    .argument("<name>", "the caller's name, recorded with every change that it makes")
    .addOption(
      new Option("--role <role>", "what the caller may do: calculate and read, or everything")
        .choices(["calculate", "manage"])
        .makeOptionMandatory(),
    )
    .action(async (...parameters) => {
      const { runTokenCreate } = await import("./commands/token.js");
      await runTokenCreate(parameters[0], parameters[1]);
    });
}

function addCompletion(program: Command): void {
  const shells = ["bash", "zsh", "fish"];
  program
    .command("completion")
    .description('print a script for Tab; in bash: eval "$(llmprices completion bash)"')
    .addArgument(new Argument("<shell>", "the shell").choices(shells))
    .action(async (shell) => {
      const { printCompletionScript } = await import("./commands/completion.js");
      printCompletionScript(shell);
    });
  // The completion scripts call this command.
  program.command("complete [words...]", { hidden: true }).action(async (words: string[]) => {
    const { complete } = await import("./commands/completion.js");
    complete(program, words);
  });
}

const roundingModes = ["HALF_EVEN", "HALF_UP", "HALF_DOWN", "UP", "DOWN", "CEILING", "FLOOR"];
