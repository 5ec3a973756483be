import type { AccountUsages } from "../../domain/charges/account-usages.js";
import { quote, type Violation } from "../../domain/domain-error.js";
import { FieldErrors } from "../../domain/field-errors.js";
import { accounts } from "../../domain/price-key.js";
import { parseUsage, type Usage, usageLimit } from "../../domain/scaled-integer.js";
import type { AllocationUsage } from "../../gen/llmprices/v1/allocation_pb.js";

/**
 * Adds the usages of one message to those of an allocation. Returns the violations found, and stops
 * at the account with the 20th violation: more would not help a client.
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
  const errors = new FieldErrors();
  for (const [index, { accountId, usage }] of message.entries()) {
    const path = `account_usages[${before + index}]`;
    const problem = findAccountIdProblem(usages, accountId);
    if (problem !== undefined) {
      errors.add({ field: `${path}.account_id`, description: problem });
    }
    const parsed = errors.read(() => parseUsage(`${path}.usage`, usage));
    // An account with an invalid usage is added, too: its next usage is reported as a duplicate.
    if (problem === undefined) usages.add(accountId, parsed ?? noUsage);
    if (errors.violations.length >= maxViolations) break;
    yield;
  }
  if (usages.totalUnits >= usageLimit) {
    const description = "have a total usage of 10^18 or more; allowed: below 10^18";
    errors.add({ field: "account_usages", description });
  }
  return errors.violations;
}

function findAccountIdProblem(usages: AccountUsages, accountId: string): string | undefined {
  if (!accounts.pattern.test(accountId)) {
    return `is ${quote(accountId)}; allowed: ${accounts.range}`;
  }
  return usages.has(accountId) ? `is ${quote(accountId)} a second time` : undefined;
}

const noUsage: Usage = { units: 0n, scale: 0 };
const maxViolations = 20;
