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

/** The time to price, by default now, and the least price book version, by default any. */
export type Wanted = { readonly asOf?: number; readonly minVersion?: bigint };

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
  writeLog: WriteLog,
  key: TestKey,
  wanted: Wanted,
  answer: CalculateChargeResponse | { readonly error: unknown },
): ChargeSeen | undefined {
  const seen =
    "error" in answer ? missing(writeLog, key, answer.error) : read(writeLog, key, answer);
  if (seen === undefined) return undefined;
  writeLog.charges.push(seen);
  writeLog.newest = Math.max(writeLog.newest, seen.asOf);
  if (wanted.asOf !== undefined && seen.asOf !== wanted.asOf) {
    writeLog.violations.push(`as_of ${wanted.asOf} was answered as ${seen.asOf}`);
  }
  if (seen.markup !== undefined && seen.bookVersion < (wanted.minVersion ?? 0n)) {
    writeLog.violations.push(
      `version ${seen.bookVersion}, at least ${wanted.minVersion} was asked`,
    );
  }
  return seen;
}

function read(writeLog: WriteLog, key: TestKey, answer: CalculateChargeResponse): ChargeSeen {
  const { accountCharge, markup, asOf, appliedPrice } = answer;
  if (asOf === undefined || appliedPrice?.effectiveFrom === undefined) {
    throw new Error("a charge has its instant and its price");
  }
  const terms = { ...amounts, markup, totalUsage: "1", rounding: undefined };
  const expected = expectedCharge(terms).accountCharge;
  if (accountCharge !== expected) {
    writeLog.violations.push(`${accountCharge} was charged at ${markup}, not ${expected}`);
  }
  const priceFrom = timestampMs(appliedPrice.effectiveFrom);
  return { key, asOf: timestampMs(asOf), markup, priceFrom, bookVersion: appliedPrice.bookVersion };
}

/** Records a missing price, which is a valid response. */
function missing(writeLog: WriteLog, key: TestKey, error: unknown): ChargeSeen | undefined {
  const { reason, metadata } = toFailure(error);
  if (reason !== "PRICE_NOT_FOUND") return noteFailure(writeLog, error);
  const asOf = Date.parse(metadata.as_of ?? "");
  return { key, asOf, markup: undefined, priceFrom: undefined, bookVersion: 0n };
}

function noteFailure(writeLog: WriteLog, error: unknown): undefined {
  const { kind, reason, message } = toFailure(error);
  count(writeLog.unanswered, kind === "deadline" ? "DEADLINE_EXCEEDED" : reason);
  if (kind === "broken" || (kind === "rejected" && reason !== "TOO_MANY_CALLS")) {
    writeLog.violations.push(`a calculation was answered ${reason}: ${message}`);
  }
}
