import { Argument, type Command, InvalidArgumentError, Option } from "commander";

/** Adds the commands that call a running service. Each loads what it needs when it runs. */
export function addClientCommands(program: Command): void {
  addCalculate(program);
  addList(program);
  addHealth(program);
  addImport(program);
  addExport(program);
  addImportCatalog(program);
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
    const { runCalculate } = await import("./calculate.js");
    await runCalculate(parameters[0], parameters[1]);
  });
}

function addList(program: Command): void {
  const command = program
    .command("list")
    .description("list the prices in effect")
    .option("--as-of <time>", "at this time instead of now");
  addOutput(addConnection(addFilters(command), 30)).action(async (flags) => {
    const { runList } = await import("./list.js");
    await runList(flags);
  });
}

function addHealth(program: Command): void {
  const command = program
    .command("health")
    .description("ask the service whether it serves; exits 0 only then")
    .option("--service <name>", "the gRPC service to ask about", "");
  addOutput(addConnection(command, 5)).action(async (flags) => {
    const { runHealth } = await import("./health.js");
    await runHealth(flags);
  });
}

function addImport(program: Command): void {
  const command = program
    .command("import")
    .description("change many prices at once, as a price list says: all of it or nothing")
    .argument("<file>", "CSV or JSON Lines; - is standard input")
    .option("--dry-run", "show what would be created, changed and ended; write nothing")
    .option("--register-missing", "register the names that the list has and the service does not")
    .option("--end-missing", "end every price that has no row in the list")
    .option("--reason <text>", "why, kept with every revision")
    .option("--request-id <uuid>", "makes a repeat of this import safe for 24 hours")
    .option("--max-changes <count>", "show so many changes, at most 1000", toWholeNumber);
  addOutput(addFile(addConnection(command))).action(async (...parameters) => {
    const { runImport } = await import("./import.js");
    await runImport(parameters[0], parameters[1]);
  });
}

function addExport(program: Command): void {
  const command = program
    .command("export")
    .description("write a price list that import takes: prices in effect and scheduled")
    .argument("[file]", "CSV or JSON Lines; - is standard output", "-")
    .option("--current", "only prices in effect, and not since when: a list to edit");
  addFile(addConnection(addFilters(command), 30)).action(async (...parameters) => {
    const { runExport } = await import("./export.js");
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
    const { runImportCatalog } = await import("./import-catalog.js");
    await runImportCatalog(parameters[0], parameters[1]);
  });
}

function addCompletion(program: Command): void {
  const shells = ["bash", "zsh", "fish"];
  program
    .command("completion")
    .description('print a script for Tab; in bash: eval "$(llmprices completion bash)"')
    .addArgument(new Argument("<shell>", "the shell").choices(shells))
    .action(async (shell) => {
      const { printCompletionScript } = await import("./completion.js");
      printCompletionScript(shell);
    });
  // What the scripts call.
  program.command("complete [words...]", { hidden: true }).action(async (words: string[]) => {
    const { complete } = await import("./completion.js");
    complete(program, words);
  });
}

function addFile(command: Command): Command {
  return command
    .addOption(
      new Option(
        "--format <format>",
        "how the file is written; default: its extension, - is CSV",
      ).choices(["csv", "jsonl"]),
    )
    .option("--quiet", "do not show progress");
}

function addFilters(command: Command): Command {
  return command
    .option("--charge-type <name>", "only this charge type")
    .option("--provider <name>", "only this provider")
    .option("--model-prefix <text>", "only models whose names begin with this");
}

function addOutput(command: Command): Command {
  const option = new Option("--output <format>", "how to show it").choices(["table", "json"]);
  return command.addOption(option.default("table"));
}

function addConnection(command: Command, timeoutSeconds?: number): Command {
  return command
    .option("--address <host:port>", "the service's GRPC_ADDR (LLMPRICES_ADDRESS)")
    .option("--token <token>", "better: LLMPRICES_TOKEN, which other users cannot see")
    .option("--tls", "encrypt (LLMPRICES_TLS=true); implied by the files below")
    .option("--ca-file <file>", "the authorities to trust, PEM (LLMPRICES_CA_FILE)")
    .option("--cert-file <file>", "our certificate, PEM (LLMPRICES_CERT_FILE)")
    .option("--key-file <file>", "its key, PEM (LLMPRICES_KEY_FILE)")
    .option("--timeout <seconds>", "how long a call may take", toSeconds, timeoutSeconds);
}

const roundingModes = [
  ...["HALF_EVEN", "HALF_UP", "HALF_DOWN", "UP", "DOWN", "CEILING", "FLOOR"],
] as const;

function toWholeNumber(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("expected a whole number.");
}

function toBigInt(text: string): bigint {
  if (/^\d{1,18}$/.test(text)) return BigInt(text);
  throw new InvalidArgumentError("expected a whole number.");
}

function toSeconds(text: string): number {
  const seconds = /^\d{1,6}(?:\.\d{1,3})?$/.test(text) ? Number(text) : 0;
  if (seconds > 0) return seconds;
  throw new InvalidArgumentError("expected seconds, more than 0.");
}
