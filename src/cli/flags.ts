import { type Command, InvalidArgumentError, Option } from "commander";

/** Adds the flags of commands that read or write a file of rows. */
export function addFile(command: Command): Command {
  return command
    .addOption(
      new Option(
        "--format <format>",
        "the file's format; default: by its extension, CSV for -",
      ).choices(["csv", "jsonl"]),
    )
    .option("--quiet", "do not show progress");
}

/** Adds the flags for files that other programs have written. */
export function addReading(command: Command): Command {
  return command
    .addOption(
      new Option(
        "--delimiter <character>",
        "of CSV; default: found by the line of names",
      ).argParser(toDelimiter),
    )
    .option("--ignore-columns <names>", "columns to skip, with commas between them", toNames)
    .option("--strict", "reject a file whose last line has no end: it may be cut off");
}

/** Adds the flags that select prices. */
export function addFilters(command: Command): Command {
  return command
    .option("--charge-type <name>", "only this charge type", toText)
    .option("--provider <name>", "only this provider", toText)
    .option("--model-prefix <text>", "only models whose names begin with this", toText)
    .option("--account <id>", "only prices for this account", toText)
    .option("--price-list <name>", "only prices of this price list", toText)
    .addOption(
      new Option("--audience <who>", "for whom the prices are").choices([
        "everyone",
        "accounts",
        "price-lists",
        "all",
      ]),
    );
}

/** Adds the flags that say for whom a price is. */
export function addAudience(command: Command): Command {
  return command
    .option("--account <id>", "for this account", toText)
    .option("--price-list <name>", "for the accounts on this price list", toText);
}

/** Adds the flag that reads what a version of the price book said. */
export function addBookVersion(command: Command): Command {
  return command.option(
    "--book-version <version>",
    "as this version of the price book says; default: the newest",
    toBigInt,
  );
}

/** Adds the flags of commands that calculate charges. */
export function addCharge(command: Command): Command {
  command
    .requiredOption("--provider-cost <decimal>", "what the provider bills")
    .option("--currency-code <code>", "ISO 4217, for example USD; echoed, never converted")
    .option("--scale <digits>", "fraction digits to round to, 0 to 18", toWholeNumber)
    .addOption(new Option("--mode <mode>", "how to round").choices(roundingModes))
    .option("--as-of <time>", "price at this time instead of now");
  return addBookVersion(command).option(
    "--min-book-version <version>",
    "wait for this version of the price book",
    toBigInt,
  );
}

/** Adds the flags of commands that write one price. */
export function addWrite(command: Command): Command {
  return command
    .option("--reason <text>", "why")
    .option("--request-id <uuid>", "makes a repeat of this command safe for 24 hours")
    .option("--etag <etag>", "only if nobody has changed the price since get or list printed this");
}

/** Adds the flags for the time of a write that may be in the past. */
export function addEffectiveFrom(command: Command): Command {
  return command
    .option("--effective-from <time>", "from this time on instead of from now on")
    .option("--correct-past", "allow a time in the past; needs --reason");
}

/** Adds the flag for the format of the output. */
export function addOutput(command: Command): Command {
  const option = new Option("--output <format>", "the output's format").choices(["table", "json"]);
  return command.addOption(option.default("table"));
}

/** Adds the connection flags. `timeoutSeconds` is the default deadline of a call. */
export function addConnection(command: Command, timeoutSeconds?: number): Command {
  return command
    .option("--address <host:port>", "the service's GRPC_ADDR (LLMPRICES_ADDRESS)")
    .option("--token <token>", "better: LLMPRICES_TOKEN, which other users cannot see")
    .option("--tls", "encrypt (LLMPRICES_TLS=true); implied by the files below")
    .option("--ca-file <file>", "the certificate authorities to trust, PEM (LLMPRICES_CA_FILE)")
    .option("--cert-file <file>", "the client's certificate, PEM (LLMPRICES_CERT_FILE)")
    .option("--key-file <file>", "its key, PEM (LLMPRICES_KEY_FILE)")
    .option("--timeout <seconds>", "how long a call may take", toSeconds, timeoutSeconds);
}

/**
 * Rejects an empty text, which is mostly a variable of a script that is not set. To the service it would
 * mean all, or everyone.
 *
 * @throws InvalidArgumentError
 */
export function toText(text: string): string {
  if (text !== "") return text;
  throw new InvalidArgumentError("expected a text; leave the flag out to mean all, or everyone.");
}

function toDelimiter(text: string): string {
  const character = text === "\\t" || text === "tab" ? "\t" : text;
  if (/^[^"\r\n\w]$/.test(character)) return character;
  throw new InvalidArgumentError("expected one character such as ; or the word tab.");
}

function toNames(text: string): readonly string[] {
  return text.split(",");
}

/** Parses a percentage, with or without a percent sign. @throws InvalidArgumentError */
export function toPercent(text: string): string {
  const [, number] = /^(\d{1,7}(?:\.\d{1,4})?) ?%?$/.exec(text) ?? [];
  if (number !== undefined) return number;
  throw new InvalidArgumentError("expected a percentage such as 10%.");
}

/** Parses a whole number of up to 9 digits. @throws InvalidArgumentError */
export function toWholeNumber(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("expected a whole number.");
}

/** Parses a whole number of up to 18 digits. @throws InvalidArgumentError */
export function toBigInt(text: string): bigint {
  if (/^\d{1,18}$/.test(text)) return BigInt(text);
  throw new InvalidArgumentError("expected a whole number.");
}

function toSeconds(text: string): number {
  const seconds = /^\d{1,6}(?:\.\d{1,3})?$/.test(text) ? Number(text) : 0;
  if (seconds > 0) return seconds;
  throw new InvalidArgumentError("expected seconds, more than 0.");
}

const roundingModes = ["HALF_EVEN", "HALF_UP", "HALF_DOWN", "UP", "DOWN", "CEILING", "FLOOR"];
