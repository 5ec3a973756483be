import type { ConnectError } from "@connectrpc/connect";
import { BadRequestSchema, ErrorInfoSchema } from "../../gen/google/rpc/error_details_pb.js";
import { exitCodes, Failure } from "../exit-codes.js";
import { formatCount } from "../output/progress.js";
import type { SentRows } from "./sent-rows.js";

/** What a call sent, for its error message. */
export type SentFile = {
  /** The repeated field of the rows in the request. */
  readonly path: "rows" | "account_usages";
  /** What would have happened to the file. */
  readonly result: "imported" | "allocated";
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
  const bad = new Map(sentRows.problems);
  const pattern = new RegExp(`^${path}\\[(\\d+)\\](?:\\.(.*))?$`);
  for (const { field, description } of violations) {
    const [, row, name] = pattern.exec(field) ?? [];
    // The error is about the request, not about a row.
    if (row === undefined) return error;
    if (sentRows.problems.has(Number(row))) continue;
    const described = nameLines(description, sentRows);
    const texts = [bad.get(Number(row)), `${name ?? ""} ${described}`.trim()];
    bad.set(Number(row), texts.filter((each) => each !== undefined).join("; "));
  }
  if (violations.length === 0) return error;
  const lines = [...bad]
    .sort(([a], [b]) => a - b)
    .map(([row, problem]) => `${file}:${sentRows.lineOf(row)}: ${problem}`);
  const count = toCountText(error, bad.size);
  const message = [`nothing is ${result}, ${count}:`, ...lines].join("\n");
  return new Failure(message, exitCodes.rejected, { cause: error });
}

/** Replaces the rows that a description names by their lines. */
function nameLines(description: string, sentRows: SentRows<object>): string {
  return description.replaceAll(/\brows\[(\d+)\]/g, (text, row) =>
    Number(row) < sentRows.counts.rows ? `line ${sentRows.lineOf(Number(row))}` : text,
  );
}

/** Uses the service's count of all bad rows: its error names only the first ones. */
function toCountText(error: ConnectError, named: number): string {
  const { bad_rows, rows } = error.findDetails(ErrorInfoSchema)[0]?.metadata ?? {};
  const bad = Math.max(named, Number(bad_rows ?? 0));
  const of = rows === undefined ? "" : ` of ${formatCount(Number(rows))}`;
  const count = `${formatCount(bad)}${of} rows ${bad === 1 ? "is" : "are"} bad`;
  return bad === named ? count : `${count}, among them`;
}
