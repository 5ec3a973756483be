import { DomainError } from "../../domain/domain-error.js";

/** Returns what `work` returns, or the DomainError that it throws. */
export function orDomainError<T>(work: () => T): T | DomainError {
  try {
    return work();
  } catch (error) {
    if (error instanceof DomainError) return error;
    throw error;
  }
}
