import { Command, CommanderError, InvalidArgumentError } from "commander";
import { readVersion } from "../version.js";
import { exitCodes, Failure } from "./exit-codes.js";
import { addClientCommands } from "./register-commands.js";

/**
 * Runs the command of the parameters, and prints the message of its error. Returns the exit code of the
 * error, or 0.
 */
export async function runCommandLine(parameters: readonly string[]): Promise<number> {
  try {
    await createProgram().parseAsync(parameters, { from: "user" });
    return 0;
  } catch (error) {
    // Commander has already printed the problem or the help.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : exitCodes.usage;
    process.stderr.write(`llmprices: ${(error as Error).message}\n`);
    return exitCodeOf(error as Error);
  }
}

/** Commands load their modules when they run: otherwise `health` would wait for those of the server. */
function createProgram(): Command {
  const program = new Command("llmprices")
    .description("Keeps the markup price of every LLM charge, and calculates charges exactly.")
    .version(readVersion())
    .exitOverride()
    .configureOutput({
      outputError: (text, write) => write(text.replace(/^error: /, "llmprices: ")),
    });

  program
    .command("serve")
    .description("serve gRPC, Connect and JSON; without DATABASE_URL on an embedded PostgreSQL")
    .option("--workers <number>", "processes to serve in, behind the same ports", parseWorkers)
    .action(async (options) => (await import("./commands/serve.js")).runServer(options));

  const migrate = program
    .command("migrate")
    .description("bring the database at DATABASE_URL to a schema");
  migrate
    .command("up")
    .description("apply every pending migration")
    .action(async () => (await import("./commands/migrate.js")).runMigrateUp());
  migrate
    .command("down")
    .description("roll back the migrations of the last up")
    .action(async () => (await import("./commands/migrate.js")).runMigrateDown());
  migrate
    .command("status")
    .description("list the migrations; exits 1 when any is pending")
    .action(async () => (await import("./commands/migrate.js")).runMigrationStatus());

  addClientCommands(program);

  program
    .command("version")
    .description("print the version")
    .action(() => {
      process.stdout.write(`${readVersion()}\n`);
    });
  return program;
}

function exitCodeOf(error: Error): number {
  if (error instanceof Failure) return error.exitCode;
  return error.name === "ConfigError" ? exitCodes.usage : exitCodes.rejected;
}

function parseWorkers(text: string): number {
  const workers = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  if (workers >= 1 && workers <= 1000) return workers;
  throw new InvalidArgumentError("expected a whole number from 1 to 1000");
}
