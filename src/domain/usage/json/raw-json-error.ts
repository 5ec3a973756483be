import { type DomainError, invalidFields } from "../../domain-error.js";

/**
 * An invalid value of a usage object: its path in the JSON, empty for the whole, and what is wrong.
 */
export type RawJsonViolation = { readonly path: string; readonly problem: string };

/** Creates one error of `usage.raw_json` for all invalid values. */
export function rawJsonError(...violations: readonly RawJsonViolation[]): DomainError {
  return invalidFields(
    violations.map(({ path, problem }) => ({
      field: "usage.raw_json",
      description: path === "" ? problem : `at ${path} ${problem}`,
    })),
  );
}
