import { type Command, Option } from "commander";
import {
  addBookVersion,
  addCharge,
  addConnection,
  addFile,
  addFilters,
  addOutput,
  addReading,
  toPercent,
  toText,
  toWholeNumber,
} from "./flags.js";

/** Adds the commands that read or write a file of rows. */
export function addFileCommands(program: Command): void {
  addAllocate(program);
  addReprice(program);
  addImport(program);
  addExport(program);
  addImportCatalog(program);
}

function addAllocate(program: Command): void {
  const command = program
    .command("allocate")
    .description("split a provider cost across the accounts of a file, to the last digit")
    .argument("<key>", "charge_type/provider/model")
    .argument("<file>", "CSV or JSON Lines with account_id and usage; - is standard input")
    .option("--price-list <name>", "the price list of the accounts", toText);
  addOutput(addReading(addFile(addConnection(addCharge(command))))).action(
    async (...parameters) => {
      const { runAllocate } = await import("./commands/allocate.js");
      await runAllocate(parameters[0], parameters[1], parameters[2]);
    },
  );
}

function addReprice(program: Command): void {
  const command = program
    .command("reprice")
    .description("compare the charges of a file's lines with those at a draft of the prices")
    .argument("<lines>", "CSV or JSON Lines with charges to calculate; - is standard input")
    .requiredOption("--draft <file>", "the price list to try, as import takes it")
    .addOption(
      new Option("--group-by <what>", "what to compare")
        .choices(["account", "key", "account-and-key"])
        .default("account"),
    )
    .option(
      "--fail-above <percent>",
      "exit 1 if the charges of a currency change by more, or lines lose their price",
      toPercent,
    )
    .option("--correct-past", "draft rows with a past effective_from change the past")
    .option("--ignore-base-version", "do not send the version that the draft was made from")
    .addOption(
      new Option("--output <format>", "totals and the largest changes, or all groups")
        .choices(["table", "csv", "jsonl"])
        .default("table"),
    );
  addDraft(command);
  addReading(addFile(addConnection(command))).action(async (...parameters) => {
    const { runReprice } = await import("./commands/reprice/reprice.js");
    await runReprice(parameters[0], parameters[1]);
  });
}

/** Adds the flags that say what a price list changes. */
function addDraft(command: Command): Command {
  return addFilters(
    command
      .option("--register-missing", "register the names that the list has and the service does not")
      .addOption(
        new Option(
          "--missing <what>",
          "prices without a row: keep them, end them, or replace the whole price book by the list",
        ).choices(["keep", "end", "replace"]),
      )
      .addOption(new Option("--end-missing", "short for --missing end").conflicts("missing"))
      .option(
        "--max-end <percent>",
        "reject the list if more prices would end because they have no row; default: 10%",
        toPercent,
      )
      .option(
        "--max-change <percent>",
        "reject the list if a price would change by more",
        toPercent,
      ),
  );
}

function addImport(program: Command): void {
  const command = program
    .command("import")
    .description("apply a price list: all of its rows, or none")
    .argument("<file>", "CSV or JSON Lines; - is standard input")
    .option("--dry-run", "show what would be created, changed and ended; write nothing");
  addDraft(command)
    .option("--correct-past", "rows with a past effective_from change the past; needs --reason")
    .option(
      "--ignore-base-version",
      "import also over later changes: do not send the list's version",
    )
    .option("--reason <text>", "why, kept with every revision")
    .option("--request-id <uuid>", "makes a repeat of this import safe for 24 hours")
    .option("--max-changes <count>", "how many changes to show, at most 1000", toWholeNumber);
  addOutput(addReading(addFile(addConnection(command)))).action(async (...parameters) => {
    const { runImport } = await import("./commands/import.js");
    await runImport(parameters[0], parameters[1]);
  });
}

function addExport(program: Command): void {
  const command = program
    .command("export")
    .description("write a price list for import: current and scheduled prices")
    .argument("[file]", "CSV or JSON Lines; - is standard output", "-")
    .option("--current", "only current prices, without effective_from: a list to edit")
    .addOption(
      new Option("--history", "whole timelines, past prices included").conflicts("current"),
    )
    .option("--no-base-version", "leave out the version that the list was made from");
  addFile(addConnection(addFilters(addBookVersion(command)), 30)).action(async (...parameters) => {
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
  addReading(addFile(addConnection(command, 30))).action(async (...parameters) => {
    const { runImportCatalog } = await import("./commands/import-catalog.js");
    await runImportCatalog(parameters[0], parameters[1]);
  });
}
