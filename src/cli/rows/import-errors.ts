import { ConnectError } from "@connectrpc/connect";
import { BadRequestSchema, ErrorInfoSchema } from "../../gen/google/rpc/error_details_pb.js";
import { exitCodes, Failure } from "../exit-codes.js";
import { formatCount } from "../output/progress.js";
import { type SentFile, toRowsFailure } from "./row-errors.js";
import type { SentRows } from "./sent-rows.js";

/**
 * Converts the error of an import with bad rows to a message that names the file's line of each, and
 * those of a list from an older version of the price book and of a guard to ones that say what to do.
 * Returns every other error unchanged.
 */
export function toImportFailure(
  error: unknown,
  file: string,
  sentRows: SentRows<object>,
  part: Pick<SentFile, "path" | "result"> = importedRows,
): unknown {
  if (!(error instanceof ConnectError)) return error;
  const { reason, metadata = {} } = error.findDetails(ErrorInfoSchema)[0] ?? {};
  if (reason === "BOOK_CHANGED") return bookChanged(metadata, error);
  if (reason === "IMPORT_GUARD") return guardViolated(metadata, error);
  const [violation] = error.findDetails(BadRequestSchema).flatMap((each) => each.fieldViolations);
  if (violation?.field.endsWith("base_book_version"))
    return otherBook(violation.description, error);
  return toRowsFailure(error, { ...part, file, sentRows });
}

/** The rows of an import. */
const importedRows = { path: "rows", result: "imported" } as const;

function otherBook(problem: string, cause: unknown): Failure {
  const message = [
    `nothing is imported: base_book_version ${problem}`,
    "--ignore-base-version imports a list from another installation.",
  ];
  return new Failure(message.join("\n"), exitCodes.rejected, { cause });
}

/** Creates the error of a dry run whose list the service would reject. */
export function guardsViolated(violations: readonly string[]): Failure {
  const message = ["the list would be rejected:", ...violations.map((each) => `  ${each}`), advice];
  return new Failure(message.join("\n"), exitCodes.rejected);
}

function guardViolated(metadata: Metadata, cause: ConnectError): Failure {
  const { guard, limit, changed_keys: changed } = metadata;
  if (guard !== "max_change_percent") {
    const message = [`nothing is imported: ${cause.rawMessage}`, advice];
    return new Failure(message.join("\n"), exitCodes.rejected, { cause });
  }
  const lines = toKeyLines(metadata);
  const prices = changed === "1" ? "1 price" : `${formatCount(Number(changed))} prices`;
  const message = [
    `nothing is imported: ${prices} would change by more than ${limit} %:`,
    ...lines,
    advice,
  ];
  return new Failure(message.join("\n"), exitCodes.rejected, { cause });
}

const advice = "Check the list with --dry-run. --max-end and --max-change set other limits.";

type Metadata = Readonly<Record<string, string>>;

/** Returns a line for each key that an error names, and one for the number of the others. */
function toKeyLines(metadata: Metadata): string[] {
  const keys = Object.entries(metadata)
    .flatMap(([name, key]) => {
      const number = /^key_(\d+)$/.exec(name)?.[1];
      return number === undefined ? [] : [{ number: Number(number), key }];
    })
    .sort((a, b) => a.number - b.number);
  const others = Number(metadata.changed_keys ?? 0) - keys.length;
  return [
    ...keys.map(({ key }) => `  ${key}`),
    ...(others > 0 ? [`  and ${formatCount(others)} others`] : []),
  ];
}

function bookChanged(metadata: Metadata, cause: unknown): Failure {
  const { base_book_version: base, changed_keys } = metadata;
  const count = Number(changed_keys ?? 0);
  const prices =
    count === 1 ? "1 price of the list was" : `${formatCount(count)} prices of the list were`;
  const message = [
    `nothing is imported: ${prices} changed after version ${base} of the price book, from which ` +
      "the list was made:",
    ...toKeyLines(metadata),
    `What was changed: llmprices changes --since ${base}`,
    "Export again, and make your changes in the new list. --ignore-base-version overwrites what was",
    "changed; it is also for a list from another installation.",
  ];
  return new Failure(message.join("\n"), exitCodes.rejected, { cause });
}
