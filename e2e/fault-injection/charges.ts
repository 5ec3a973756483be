import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs, timestampMs } from "@bufbuild/protobuf/wkt";
import type {
  CalculateChargeRequestSchema,
  CalculateChargeResponse,
} from "../../src/gen/llmprices/v1/pricing_service_pb.js";
import { expectedCharge } from "../../test/oracle/expected-charge.js";
import type { TestKey } from "../../test/support/prices.js";
import type { Endpoint } from "../../test/support/service.js";
import { toFailure } from "./failures.js";
import { type ChargeSeen, count, type Ledger } from "./ledger.js";

/** At which instant, and from which version of the book on. Neither: now, at any version. */
export type Wanted = { readonly asOf?: number; readonly minVersion?: bigint };

const amounts = { providerCost: "1234.56", usage: "0.125" } as const;

/** Calculates a charge and notes what was seen. Undefined: it was not answered. */
export async function charge(
  ledger: Ledger,
  { pricing }: Pick<Endpoint, "pricing">,
  key: TestKey,
  wanted: Wanted,
  timeoutMs: number,
): Promise<ChargeSeen | undefined> {
  const call = pricing.calculateCharge(toRequest(key, wanted), { timeoutMs });
  return note(ledger, key, wanted, await call.catch((error: unknown) => ({ error })));
}

/** Calculates a charge of each key, all at one version and one instant. */
export async function chargeAll(
  ledger: Ledger,
  { pricing }: Pick<Endpoint, "pricing">,
  keys: readonly TestKey[],
  timeoutMs: number,
): Promise<void> {
  const requests = keys.map((key) => toRequest(key, {}));
  try {
    const answer = await pricing.batchCalculateCharges({ requests }, { timeoutMs });
    const markups = new Set<string | undefined>();
    answer.results.forEach(({ result }, i) => {
      if (result.case !== "charge") return;
      markups.add(note(ledger, keys[i] as TestKey, {}, result.value)?.markup);
    });
    // What was imported at once is in effect at once.
    if (markups.size > 1) ledger.violations.push(`half an import was seen: ${[...markups]}`);
  } catch (error) {
    noteFailure(ledger, error);
  }
}

function toRequest(
  key: TestKey,
  { asOf, minVersion }: Wanted,
): MessageInitShape<typeof CalculateChargeRequestSchema> {
  return {
    ...key,
    providerCost: amounts.providerCost,
    usageRatio: { case: "accountUsageRatio", value: amounts.usage },
    ...(asOf !== undefined && { asOf: timestampFromMs(asOf) }),
    ...(minVersion !== undefined && { minBookVersion: minVersion }),
  };
}

function note(
  ledger: Ledger,
  key: TestKey,
  wanted: Wanted,
  answer: CalculateChargeResponse | { readonly error: unknown },
): ChargeSeen | undefined {
  const seen = "error" in answer ? missing(ledger, key, answer.error) : read(ledger, key, answer);
  if (seen === undefined) return undefined;
  ledger.charges.push(seen);
  ledger.newest = Math.max(ledger.newest, seen.asOf);
  if (wanted.asOf !== undefined && seen.asOf !== wanted.asOf) {
    ledger.violations.push(`as_of ${wanted.asOf} was answered as ${seen.asOf}`);
  }
  if (seen.markup !== undefined && seen.bookVersion < (wanted.minVersion ?? 0n)) {
    ledger.violations.push(`version ${seen.bookVersion}, at least ${wanted.minVersion} was asked`);
  }
  return seen;
}

function read(ledger: Ledger, key: TestKey, answer: CalculateChargeResponse): ChargeSeen {
  const { accountCharge, markup, asOf, appliedPrice } = answer;
  if (asOf === undefined || appliedPrice?.effectiveFrom === undefined) {
    throw new Error("a charge has its instant and its price");
  }
  const terms = { ...amounts, markup, totalUsage: "1", rounding: undefined };
  const expected = expectedCharge(terms).accountCharge;
  if (accountCharge !== expected) {
    ledger.violations.push(`${accountCharge} was charged at ${markup}, not ${expected}`);
  }
  const priceFrom = timestampMs(appliedPrice.effectiveFrom);
  return { key, asOf: timestampMs(asOf), markup, priceFrom, bookVersion: appliedPrice.bookVersion };
}

/** That a price is missing is an answer as well. */
function missing(ledger: Ledger, key: TestKey, error: unknown): ChargeSeen | undefined {
  const { reason, metadata } = toFailure(error);
  if (reason !== "PRICE_NOT_FOUND") return noteFailure(ledger, error);
  const asOf = Date.parse(metadata.as_of ?? "");
  return { key, asOf, markup: undefined, priceFrom: undefined, bookVersion: 0n };
}

function noteFailure(ledger: Ledger, error: unknown): undefined {
  const { kind, reason, message } = toFailure(error);
  count(ledger.unanswered, kind === "deadline" ? "DEADLINE_EXCEEDED" : reason);
  if (kind === "broken" || (kind === "refused" && reason !== "TOO_MANY_CALLS")) {
    ledger.violations.push(`a calculation was answered ${reason}: ${message}`);
  }
}
