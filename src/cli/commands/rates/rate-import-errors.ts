import type { ConnectError } from "@connectrpc/connect";
import { toRateCardText } from "../../../domain/rate-card.js";
import { BadRequestSchema, ErrorInfoSchema } from "../../../gen/google/rpc/error_details_pb.js";
import type { RateCardImportRow } from "../../../gen/llmprices/v1/rate_card_import_pb.js";
import { exitCodes, Failure } from "../../exit-codes.js";
import { formatCount } from "../../output/progress.js";

/**
 * Converts the error of an import with bad rows to a message that names the rate card of each, and that of a
 * guard to one that says what to do. Returns every other error unchanged.
 */
export function toRateImportFailure(
  error: ConnectError,
  file: string,
  rows: readonly RateCardImportRow[],
): Error {
  const { reason, metadata = {} } = error.findDetails(ErrorInfoSchema)[0] ?? {};
  if (reason === "IMPORT_GUARD") {
    const advice = "Check the file with --dry-run. --max-end sets another limit.";
    const message = `nothing is imported: ${error.rawMessage}\n${advice}`;
    return new Failure(message, exitCodes.rejected, { cause: error });
  }
  const violations = error.findDetails(BadRequestSchema).flatMap((each) => each.fieldViolations);
  const lines = violations.map(({ field, description }) => {
    const [, number, name] = /^rows\[(\d+)\](?:\.(.*))?$/.exec(field) ?? [];
    const row = rows[Number(number)];
    const words = description.replace("set register_missing", "set --register-missing");
    return row && `${file}: ${toRateCardText(row)}: ${[name, words].filter(Boolean).join(" ")}`;
  });
  if (lines.length === 0 || lines.includes(undefined)) return error;
  const bad = formatCount(Number(metadata.bad_rows ?? lines.length));
  const message = [`nothing is imported, ${bad} rows are bad, among them:`, ...lines].join("\n");
  return new Failure(message, exitCodes.rejected, { cause: error });
}

/** Creates the error of a dry run whose file the service would reject. */
export function rateGuardViolated(violations: readonly string[]): Failure {
  const lines = violations.map((each) => `  ${each}`);
  const message = ["the file would be rejected:", ...lines, "--max-end sets another limit."];
  return new Failure(message.join("\n"), exitCodes.rejected);
}
