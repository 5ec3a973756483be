import { ConnectError } from "@connectrpc/connect";
import { BadRequestSchema, ErrorInfoSchema } from "../gen/google/rpc/error_details_pb.js";
import { exitCodes, Failure } from "./failure.js";
import { grouped } from "./progress.js";
import type { SentRows } from "./sent-rows.js";

/**
 * The refusal of an import for its rows, each named by its line in the file. Any other error stays
 * what it is.
 */
export function explainRefusal(error: unknown, file: string, sent: SentRows): unknown {
  if (!(error instanceof ConnectError)) return error;
  const violations = error.findDetails(BadRequestSchema).flatMap((each) => each.fieldViolations);
  const bad = new Map(sent.problems);
  for (const { field, description } of violations) {
    const [, row, path] = /^rows\[(\d+)\](?:\.(.*))?$/.exec(field) ?? [];
    // The request itself is refused, not its rows.
    if (row === undefined) return error;
    if (sent.problems.has(Number(row))) continue;
    const said = [bad.get(Number(row)), `${path ?? ""} ${description}`.trim()];
    bad.set(Number(row), said.filter((each) => each !== undefined).join("; "));
  }
  if (bad.size === 0) return error;
  const lines = [...bad]
    .sort(([a], [b]) => a - b)
    .slice(0, maxLines)
    .map(([row, problem]) => `${file}:${sent.lineOf(row)}: ${problem}`);
  const message = [`nothing is imported, ${countOf(error, bad.size)}:`, ...lines].join("\n");
  return new Failure(message, exitCodes.refused, { cause: error });
}

/** The service has counted all bad rows, though it names the first only. */
function countOf(error: ConnectError, known: number): string {
  const { bad_rows: badRows, rows } = error.findDetails(ErrorInfoSchema)[0]?.metadata ?? {};
  const bad = badRows === undefined ? `${grouped(known)} rows are` : toCount(Number(badRows), rows);
  return `${bad} bad`;
}

function toCount(bad: number, rows: string | undefined): string {
  const of = rows === undefined ? "" : ` of ${grouped(Number(rows))}`;
  return `${grouped(bad)}${of} rows ${bad === 1 ? "is" : "are"}`;
}

const maxLines = 100;
