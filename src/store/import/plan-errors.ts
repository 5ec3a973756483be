import { quote } from "../../domain/domain-error.js";
import type { MissingName, RowError } from "../../domain/import-row-errors.js";
import { type Instant, toInstantText } from "../../domain/instant.js";
import type { Noun } from "../../domain/timeline.js";
import type { Nearest } from "../prices/suggestions.js";
import type { RowErrorRow } from "./plan.js";

/**
 * Converts an invalid row of the plan to an error for the client. `nearest`: the names nearest to one
 * that is not registered.
 */
export function toRowError(
  noun: Noun,
  found: RowErrorRow,
  now: Instant,
  nearest: Nearest,
): RowError {
  const row = Number(found.row_number);
  const path = `rows[${row}]`;
  const { problem } = found;
  if (problem === "row") {
    const description = `is of the same key and time as rows[${found.hint}], with another ${noun}`;
    return { row, violation: { field: path, description } };
  }
  const field = `${path}.${problem}`;
  if (problem === "effective_from") {
    return { row, violation: { field, description: describePast(noun, found, now) } };
  }
  const description = `is ${quote(found[problem] ?? "")}, which is not registered; register it, or set register_missing${nearest.hint}`;
  const { reason, metadata } = toMissingName(found, problem);
  const missingName = { reason, metadata: { ...metadata, ...nearest.metadata } };
  return { row, violation: { field, description }, missingName };
}

function describePast(noun: Noun, { effective_from, hint }: RowErrorRow, now: Instant): string {
  const then = effective_from.toISOString();
  if (hint.startsWith("now ")) {
    const is = hint === "now none" ? "has ended" : `is ${hint.slice(4)}`;
    return `is ${then}: the ${noun} has changed since, and ${is}; leave it empty to change the ${noun} from now on`;
  }
  const was = hint === "none" ? `there was no ${noun}` : `the ${noun} was ${hint}`;
  return `is ${then}, before ${toInstantText(now)} (now): ${was} then; leave it empty to change the ${noun} from now on (the past changes only with correct_past)`;
}

function toMissingName(
  { charge_type = "", provider, model }: RowErrorRow,
  problem: "charge_type" | "provider" | "model",
): MissingName {
  switch (problem) {
    case "charge_type":
      return { reason: "CHARGE_TYPE_NOT_FOUND", metadata: { name: charge_type } };
    case "provider":
      return { reason: "PROVIDER_NOT_FOUND", metadata: { name: provider } };
    case "model":
      return { reason: "MODEL_NOT_FOUND", metadata: { provider, name: model } };
  }
}
