import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs, timestampMs } from "@bufbuild/protobuf/wkt";
import type {
  CalculateChargeRequestSchema,
  CalculateChargeResponse,
} from "../../../src/gen/llmprices/v1/pricing_service_pb.js";
import { expectedCharge } from "../../../test/oracle/expected-charge.js";
import type { TestKey } from "../../../test/support/prices.js";
import type { Endpoint } from "../../../test/support/service.js";
import { toFailure } from "../../support/call-failure.js";
import { type ChargeSeen, count, type WriteLog } from "./write-log.js";

/** The time to price, by default now, and the price book version or the least one, by default any. */
export type Wanted = {
  readonly asOf?: number;
  readonly minVersion?: bigint;
  readonly bookVersion?: bigint;
};

const amounts = { providerCost: "1234.56", usage: "0.125" } as const;

/** Calculates a charge and records the response. Returns undefined if there was none. */
export async function charge(
  writeLog: WriteLog,
  { pricing }: Pick<Endpoint, "pricing">,
  key: TestKey,
  wanted: Wanted,
  timeoutMs: number,
): Promise<ChargeSeen | undefined> {
  const call = pricing.calculateCharge(toRequest(key, wanted), { timeoutMs });
  return note(writeLog, key, wanted, await call.catch((error: unknown) => ({ error })));
}

/** Calculates a charge of each key in a batch: all at one version and one time. */
export async function chargeAll(
  writeLog: WriteLog,
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
      markups.add(note(writeLog, keys[i] as TestKey, {}, result.value)?.markup);
    });
    // All prices of an import take effect together.
    if (markups.size > 1) writeLog.violations.push(`half an import was seen: ${[...markups]}`);
  } catch (error) {
    noteFailure(writeLog, error);
  }
}

/** Calculates recorded charges again, in a batch. Returns each that differs. */
export async function repeatAll(
  { pricing }: Pick<Endpoint, "pricing">,
  charges: readonly ChargeSeen[],
  timeoutMs: number,
): Promise<string[]> {
  const requests = charges.map(({ key, asOf, bookVersion }) =>
    toRequest(key, { asOf, ...(bookVersion !== undefined && { bookVersion }) }),
  );
  const { results } = await pricing.batchCalculateCharges({ requests }, { timeoutMs });
  return charges.flatMap((seen, i) => {
    const result = results[i]?.result;
    if (result?.case !== "charge") return [`${toText(seen)} is missing: ${result?.value?.message}`];
    return describeDifference(seen, toSeen(seen.key, result.value)) ?? [];
  });
}

/** Says how a charge differs from the same one, calculated before. */
export function describeDifference(seen: ChargeSeen, again: ChargeSeen): string | undefined {
  const [before, after] = [seen, again].map(toText);
  return before === after ? undefined : `${before} was repeated as ${after}`;
}

function toText({ key, asOf, markup, priceFrom, accountCharge, bookVersion }: ChargeSeen): string {
  const price = `${accountCharge} at ${markup} from ${priceFrom}`;
  return `${key.provider}/${key.model} at ${asOf}, version ${bookVersion}: ${price}`;
}

function toRequest(
  key: TestKey,
  { asOf, minVersion, bookVersion }: Wanted,
): MessageInitShape<typeof CalculateChargeRequestSchema> {
  return {
    ...key,
    providerCost: amounts.providerCost,
    usageRatio: { case: "accountUsageRatio", value: amounts.usage },
    ...(asOf !== undefined && { asOf: timestampFromMs(asOf) }),
    ...(minVersion !== undefined && { minBookVersion: minVersion }),
    ...(bookVersion !== undefined && { bookVersion }),
  };
}

function note(
  writeLog: WriteLog,
  key: TestKey,
  wanted: Wanted,
  answer: CalculateChargeResponse | { readonly error: unknown },
): ChargeSeen | undefined {
  const seen =
    "error" in answer ? missing(writeLog, key, answer.error) : verify(writeLog, key, answer);
  if (seen === undefined) return undefined;
  writeLog.charges.push(seen);
  if (wanted.asOf !== undefined && seen.asOf !== wanted.asOf) {
    writeLog.violations.push(`as_of ${wanted.asOf} was answered as ${seen.asOf}`);
  }
  if (seen.bookVersion !== undefined) {
    const { bookVersion } = seen;
    const { minVersion = 0n, bookVersion: exactly = bookVersion } = wanted;
    if (bookVersion < minVersion || bookVersion !== exactly) {
      writeLog.violations.push(`version ${bookVersion}, not ${exactly}, at least ${minVersion}`);
    }
  } else if (wanted.minVersion !== undefined && wanted.asOf === undefined) {
    writeLog.violations.push(`a written price of ${key.model} is missing: ${wanted.minVersion}`);
  }
  return seen;
}

function verify(writeLog: WriteLog, key: TestKey, answer: CalculateChargeResponse): ChargeSeen {
  const { accountCharge, markup } = answer;
  const terms = { ...amounts, markup, totalUsage: "1", rounding: undefined };
  const expected = expectedCharge(terms).accountCharge;
  if (accountCharge !== expected) {
    writeLog.violations.push(`${accountCharge} was charged at ${markup}, not ${expected}`);
  }
  return toSeen(key, answer);
}

function toSeen(key: TestKey, answer: CalculateChargeResponse): ChargeSeen {
  const { accountCharge, markup, asOf, appliedPrice } = answer;
  if (asOf === undefined || appliedPrice?.effectiveFrom === undefined) {
    throw new Error("a charge has its instant and its price");
  }
  const priceFrom = timestampMs(appliedPrice.effectiveFrom);
  const { bookVersion } = appliedPrice;
  return { key, asOf: timestampMs(asOf), markup, priceFrom, accountCharge, bookVersion };
}

/** Records a missing price, which is a valid response. */
function missing(writeLog: WriteLog, key: TestKey, error: unknown): ChargeSeen | undefined {
  const { reason, metadata } = toFailure(error);
  if (reason !== "PRICE_NOT_FOUND") return noteFailure(writeLog, error);
  const asOf = Date.parse(metadata.as_of ?? "");
  const nothing = { markup: undefined, priceFrom: undefined, accountCharge: undefined };
  return { key, asOf, ...nothing, bookVersion: undefined };
}

function noteFailure(writeLog: WriteLog, error: unknown): undefined {
  const { kind, reason, message } = toFailure(error);
  count(writeLog.unanswered, kind === "deadline" ? "DEADLINE_EXCEEDED" : reason);
  if (kind === "broken" || (kind === "rejected" && reason !== "TOO_MANY_CALLS")) {
    writeLog.violations.push(`a calculation was answered ${reason}: ${message}`);
  }
}
