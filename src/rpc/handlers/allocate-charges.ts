import type { MessageInitShape } from "@bufbuild/protobuf";
import type { HandlerContext, ServiceImpl } from "@connectrpc/connect";
import { AccountUsages } from "../../domain/charges/account-usages.js";
import {
  type Allocation,
  type AllocationInput,
  allocate,
  allocationBytesPerAccount,
} from "../../domain/charges/allocation.js";
import { toPlainText } from "../../domain/decimal.js";
import { FieldErrors } from "../../domain/field-errors.js";
import type { Rounding } from "../../domain/rounding.js";
import { toUsageText } from "../../domain/scaled-integer.js";
import type {
  AccountChargeSchema,
  AllocationTotalsSchema,
  AllocationUsage,
} from "../../gen/llmprices/v1/allocation_pb.js";
import type { PricingService } from "../../gen/llmprices/v1/pricing_service_pb.js";
import { runCooperatively } from "../call/cooperative-loop.js";
import { type AllocationRequest, parseAllocationTerms } from "../messages/allocation-request.js";
import { parseTerms, rejectLaterTerms } from "../messages/first-message.js";
import { addUsages } from "../messages/parse-account-usages.js";
import { toRoundingMessage } from "../messages/parse-rounding.js";
import { toAppliedPrice } from "../messages/price-messages.js";
import type { ChargeResult } from "../messages/price-query.js";
import { type RatedTerms, rateTerms } from "../messages/rates/usage-terms.js";
import { toTimestamp } from "../messages/timestamps.js";
import type { PricingDependencies } from "./dependencies.js";
import { countCharge, readPrice } from "./find-price.js";

/** Creates the handlers that split a cost across accounts. They write nothing. */
export function allocationMethods(
  dependencies: PricingDependencies,
): Pick<ServiceImpl<typeof PricingService>, "allocateCharges" | "streamAllocateCharges"> {
  /** Adds a message's usages and parses its terms. @throws DomainError with every violation. */
  const addMessage = async <T>(
    usages: AccountUsages,
    message: readonly AllocationUsage[],
    { signal }: HandlerContext,
    parse: () => T,
  ): Promise<T> => {
    const steps = addUsages(usages, message, dependencies.maxAllocationAccounts);
    const violations = await runCooperatively(steps, signal);
    const errors = new FieldErrors();
    const terms = errors.read(parse);
    errors.add(...violations);
    errors.throwIfAny();
    return terms;
  };

  const countTerms = (terms: AllocationRequest, price: ChargeResult, context: HandlerContext) =>
    countCharge(...([dependencies, context, terms.key, price.applied] as const), () =>
      toPricedTerms(terms, price),
    );

  /** Allocates the cost when all usages have been added. */
  const run = (
    usages: AccountUsages,
    { input }: PricedTerms,
    { applied }: ChargeResult,
    context: HandlerContext,
  ): Promise<Allocation> => {
    usages.endInput();
    dependencies.memoryOf(context).reserve(usages.count * allocationBytesPerAccount);
    return runCooperatively(allocate(input, applied.price, usages), context.signal);
  };

  return {
    async allocateCharges(request, context) {
      const memory = dependencies.memoryOf(context);
      const usages = new AccountUsages(memory.reserve);
      const terms = await addMessage(usages, request.accountUsages, context, () =>
        parseTerms(request.terms, parseAllocationTerms, ""),
      );
      const price = await readPrice(dependencies, context, terms);
      const priced = countTerms(terms, price, context);
      const allocation = await run(usages, priced, price, context);
      memory.reserve(usages.count * bytesPerCharge);
      const accountCharges = await runCooperatively(
        toCharges(usages, allocation, 0, usages.count),
        context.signal,
      );
      return { accountCharges, totals: toTotals(priced, price, usages, allocation) };
    },

    async *streamAllocateCharges(requests, context) {
      const memory = dependencies.memoryOf(context);
      const usages = new AccountUsages(memory.reserve);
      const messages = requests[Symbol.asyncIterator]();
      let next = await messages.next();
      const first = next.value;
      const terms = await addMessage(usages, first?.accountUsages ?? [], context, () =>
        parseTerms(first?.terms, parseAllocationTerms),
      );
      // Before the other messages, so that a client learns early that there is no price.
      const price = await readPrice(dependencies, context, terms);
      const priced = countTerms(terms, price, context);
      for (next = await messages.next(); !next.done; next = await messages.next()) {
        const { terms: laterTerms, accountUsages } = next.value;
        await addMessage(usages, accountUsages, context, () => rejectLaterTerms(laterTerms));
      }
      const allocation = await run(usages, priced, price, context);
      memory.reserve(Math.min(usages.count, chunkSize) * bytesPerCharge);
      for (let from = 0; from < usages.count; from += chunkSize) {
        const to = Math.min(usages.count, from + chunkSize);
        yield {
          accountCharges: await runCooperatively(
            toCharges(usages, allocation, from, to),
            context.signal,
          ),
        };
      }
      yield { totals: toTotals(priced, price, usages, allocation) };
    },
  };
}

/** The terms of an allocation, whose usage has been rated if they have one. */
type PricedTerms = {
  readonly input: AllocationInput;
  readonly currencyCode: string;
  readonly ratedUsage?: RatedTerms<Rounding>["ratedUsage"];
};

function toPricedTerms(
  { cost, currencyCode }: AllocationRequest,
  found: ChargeResult,
): PricedTerms {
  if (!("usage" in cost)) return { input: cost, currencyCode };
  const rated = rateTerms(cost, currencyCode, found);
  return { ...rated, input: { ...rated.cost, rounding: rated.rounding } };
}

function* toCharges(
  usages: AccountUsages,
  allocation: Allocation,
  from: number,
  to: number,
): Generator<undefined, MessageInitShape<typeof AccountChargeSchema>[]> {
  const charges: MessageInitShape<typeof AccountChargeSchema>[] = [];
  for (let index = from; index < to; index += 1) {
    const accountId = usages.accountIdAt(index);
    charges.push({ accountId, accountCharge: allocation.chargeAt(index) });
    yield;
  }
  return charges;
}

function toTotals(
  { input, currencyCode, ratedUsage }: PricedTerms,
  { applied, at, bookVersion }: ChargeResult,
  usages: AccountUsages,
  { totalCharge, exact }: Allocation,
): MessageInitShape<typeof AllocationTotalsSchema> {
  return {
    totalCharge,
    totalUsage: toUsageText(usages.totalUnits),
    accountCount: BigInt(usages.count),
    markup: toPlainText(applied.price),
    exact,
    rounding: toRoundingMessage(input.rounding),
    asOf: toTimestamp(at),
    currencyCode,
    appliedPrice: toAppliedPrice(applied, bookVersion),
    ...(ratedUsage && { ratedUsage }),
  };
}

/** Of a response: its objects, and its bytes in both threads. */
const bytesPerCharge = 400;

// With the longest account ids, a message of this size stays below 4 MiB, the limit of clients.
const chunkSize = 2000;
