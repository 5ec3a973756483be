import type { ConnectError } from "@connectrpc/connect";
import { BadRequestSchema, ErrorInfoSchema } from "../../gen/google/rpc/error_details_pb.js";
import { exitCodes, Failure } from "../exit-codes.js";
import { describeProblems, type RowProblem } from "../files/record.js";
import { formatCount } from "../output/progress.js";
import type { BadRow, SentRows } from "./sent-rows.js";

/** The error of a file with bad rows. */
export class RowsFailure extends Failure {
  constructor(
    message: string,
    readonly report: RowsReport,
    cause: unknown,
  ) {
    super(message, exitCodes.rejected, { cause });
  }
}

type RowCounts = { readonly badRowCount: number; readonly rowCount?: number };

/** What is wrong with the rows of a file, for programs. */
export type RowsReport = RowCounts & {
  /** The errors of the rows that the message names, in the order of the file. */
  readonly rowErrors: readonly RowError[];
};

/** Without a field, the row is bad as a whole. */
type RowError = {
  readonly line: number;
  readonly field?: string;
  readonly description: string;
};

/** What a call sent, for its error message. */
export type SentFile = {
  /** The repeated field of the rows in the request. */
  readonly path: "rows" | "account_usages" | "draft.rows";
  /** What would have happened to the file. */
  readonly result: "imported" | "allocated" | "repriced";
  readonly file: string;
  readonly sentRows: SentRows<object>;
};

/**
 * Converts the error of a call with bad rows to a message that names the file's line of each. Returns
 * every other error unchanged.
 */
export function toRowsFailure(error: ConnectError, sent: SentFile): Error {
  const { path, result, file, sentRows } = sent;
  const violations = error.findDetails(BadRequestSchema).flatMap((each) => each.fieldViolations);
  const bad = new Map<number, readonly RowProblem[]>(sentRows.problems);
  const pattern = new RegExp(`^${path.replace(".", "\\.")}\\[(\\d+)\\](?:\\.(.*))?$`);
  for (const { field, description } of violations) {
    const [, row, name] = pattern.exec(field) ?? [];
    // The error is about the request, not about a row.
    if (row === undefined) return error;
    if (sentRows.problems.has(Number(row))) continue;
    const problem = { field: name ?? "", description: toFileWords(description, sentRows) };
    bad.set(Number(row), [...(bad.get(Number(row)) ?? []), problem]);
  }
  if (violations.length === 0) return error;
  const rows = [...bad]
    .sort(([a], [b]) => a - b)
    .map(([row, problems]) => ({ line: sentRows.lineOf(row), problems }));
  const counts = toCounts(error, bad.size);
  const count = toCountText(counts, bad.size);
  const lines = rows.map(({ line, problems }) => `${file}:${line}: ${describeProblems(problems)}`);
  const message = [`nothing is ${result}, ${count}:`, ...lines].join("\n");
  return new RowsFailure(message, { ...counts, rowErrors: rows.flatMap(toRowErrors) }, error);
}

function toRowErrors({ line, problems }: BadRow & { readonly line: number }): RowError[] {
  return problems.map(({ field, description }) => ({ line, ...(field && { field }), description }));
}

/** Replaces the rows that a description names by their lines, and the field of the terms by its flag. */
function toFileWords(description: string, sentRows: SentRows<object>): string {
  return description
    .replace(/\bset register_missing\b/, "set --register-missing")
    .replaceAll(/\brows\[(\d+)\]/g, (text, row) =>
      Number(row) < sentRows.counts.rows ? `line ${sentRows.lineOf(Number(row))}` : text,
    );
}

/** Uses the service's count of all bad rows: its error names only the first ones. */
function toCounts(error: ConnectError, named: number): RowCounts {
  const { bad_rows, rows } = error.findDetails(ErrorInfoSchema)[0]?.metadata ?? {};
  const badRowCount = Math.max(named, Number(bad_rows ?? 0));
  return { badRowCount, ...(rows !== undefined && { rowCount: Number(rows) }) };
}

function toCountText({ badRowCount, rowCount }: RowCounts, named: number): string {
  const of = rowCount === undefined ? "" : ` of ${formatCount(rowCount)}`;
  const count = `${formatCount(badRowCount)}${of} rows ${badRowCount === 1 ? "is" : "are"} bad`;
  return badRowCount === named ? count : `${count}, among them`;
}
