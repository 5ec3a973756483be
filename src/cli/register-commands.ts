import { Argument, type Command, Option } from "commander";
import { addFileCommands } from "./file-commands.js";
import { addConnection, addOutput } from "./flags.js";
import { addPriceCommands } from "./price-commands.js";
import { addRateCommands } from "./rate-commands.js";

/** Adds the commands that call a running service. Each imports its module when it runs. */
export function addClientCommands(program: Command): void {
  addPriceCommands(program);
  addRateCommands(program);
  addFileCommands(program);
  addHealth(program);
  addToken(program);
  addCompletion(program);
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
