import { ConnectError } from "@connectrpc/connect";
import { BadRequestSchema, ErrorInfoSchema } from "../../gen/google/rpc/error_details_pb.js";
import { exitCodes, Failure } from "../exit-codes.js";
import { formatCount } from "../output/progress.js";
import type { SentRows } from "./sent-rows.js";

/**
 * The refusal of an import for its rows, each named by its line in the file. Any other error stays
 * what it is.
 */
export function toImportFailure(error: unknown, file: string, sent: SentRows): unknown {
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
  if (violations.length === 0) return error;
  const lines = [...bad]
    .sort(([a], [b]) => a - b)
    .map(([row, problem]) => `${file}:${sent.lineOf(row)}: ${problem}`);
  const message = [`nothing is imported, ${toCountText(error, bad.size)}:`, ...lines].join("\n");
  return new Failure(message, exitCodes.rejected, { cause: error });
}

/** The service counts all bad rows, and names the first ones only. */
function toCountText(error: ConnectError, named: number): string {
  const { bad_rows, rows } = error.findDetails(ErrorInfoSchema)[0]?.metadata ?? {};
  const bad = Math.max(named, Number(bad_rows ?? 0));
  const of = rows === undefined ? "" : ` of ${formatCount(Number(rows))}`;
  const count = `${formatCount(bad)}${of} rows ${bad === 1 ? "is" : "are"} bad`;
  return bad === named ? count : `${count}, among them`;
}
