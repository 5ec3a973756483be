import type { AccountUsages } from "../../domain/account-usages.js";
import { DomainError, quote, type Violation } from "../../domain/domain-error.js";
import { parseUsage, usageLimit } from "../../domain/scaled-integer.js";
import type { AllocationUsage } from "../../gen/llmprices/v1/allocation_pb.js";

/**
 * Adds the usages of one message to those of an allocation. Answers what is wrong with them, of the
 * first accounts that something is wrong with: a caller with a million is not helped by a million.
 */
export function* addUsages(
  usages: AccountUsages,
  message: readonly AllocationUsage[],
  maxAccounts: number,
): Generator<undefined, readonly Violation[]> {
  const before = usages.count;
  if (before + message.length > maxAccounts) {
    const allowed = `at most ${maxAccounts} (MAX_ALLOCATION_ACCOUNTS)`;
    return [{ field: "account_usages", description: `has more accounts than allowed: ${allowed}` }];
  }
  const violations: Violation[] = [];
  for (const [index, { accountId, usage }] of message.entries()) {
    const path = `account_usages[${before + index}]`;
    const problem = findAccountIdProblem(usages, accountId);
    if (problem !== undefined) {
      violations.push({ field: `${path}.account_id`, description: problem });
    }
    try {
      const units = parseUsage(`${path}.usage`, usage);
      if (problem === undefined) usages.add(accountId, units);
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
      violations.push(...error.violations);
      // Known all the same, so that it is not taken for new when it comes again.
      if (problem === undefined) usages.add(accountId, 0n);
    }
    if (violations.length >= maxViolations) break;
    yield;
  }
  if (usages.totalUnits >= usageLimit) {
    const description = "have a total usage of 10^18 or more; allowed: below 10^18";
    violations.push({ field: "account_usages", description });
  }
  return violations;
}

function findAccountIdProblem(usages: AccountUsages, accountId: string): string | undefined {
  if (!accountIdPattern.test(accountId)) {
    return `is ${quote(accountId)}; allowed: 1 to 255 characters, no control characters`;
  }
  return usages.has(accountId) ? `is ${quote(accountId)} a second time` : undefined;
}

// Control characters, and halves of UTF-16 pairs, which no encoding can say.
const accountIdPattern = /^[^\p{Cc}\p{Cs}]{1,255}$/u;
const maxViolations = 20;
