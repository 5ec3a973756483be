import { setTimeout as sleep } from "node:timers/promises";
import type { HandlerContext, ServiceImpl } from "@connectrpc/connect";
import { calculateCharge } from "../domain/charge.js";
import { toPlainText } from "../domain/decimal.js";
import { DomainError } from "../domain/errors.js";
import type { PricingService } from "../gen/llmprices/v1/pricing_service_pb.js";
import { priceNotFound } from "../store/price-not-found.js";
import { type PricesAt, pricesAt } from "../store/prices.js";
import { inTransaction } from "../store/transaction.js";
import { type ChargeRequest, parseChargeRequest } from "./charge-terms.js";
import { toEffectiveTimes } from "./price-messages.js";
import type { PricingDependencies } from "./pricing-service.js";
import { toRoundingMessage } from "./rounding.js";
import { toTimestamp } from "./timestamps.js";

/** The handlers that calculate charges. They write nothing. */
export function chargeMethods(
  dependencies: PricingDependencies,
): Pick<ServiceImpl<typeof PricingService>, "calculateCharge"> {
  return {
    async calculateCharge(request, context) {
      const chargeRequest = parseChargeRequest(request);
      const { prices, at, bookVersion } = await readPrice(dependencies, context, chargeRequest);
      const [applied] = prices;
      if (applied === undefined) {
        throw await inTransaction(dependencies.knex, context, (transaction) =>
          priceNotFound(transaction, chargeRequest.key, at),
        );
      }
      const charge = calculateCharge(chargeRequest.terms, applied.price);
      return {
        accountCharge: charge.accountCharge,
        markup: toPlainText(applied.price),
        exact: charge.exact,
        ...(charge.rounding && { rounding: toRoundingMessage(charge.rounding) }),
        asOf: toTimestamp(at),
        currencyCode: chargeRequest.currencyCode,
        appliedPrice: { llmPriceId: applied.id, ...toEffectiveTimes(applied), bookVersion },
      };
    },
  };
}

/**
 * Reads the price of a key from a book of the version asked for, or a later one.
 *
 * @throws DomainError BOOK_BEHIND when the book has not reached that version in time.
 */
async function readPrice(
  { knex, maxBookStalenessMs }: PricingDependencies,
  context: HandlerContext,
  { key, asOf, minBookVersion }: ChargeRequest,
): Promise<PricesAt> {
  const giveUpAt = performance.now() + maxBookStalenessMs;
  for (;;) {
    const found = await inTransaction(knex, context, (transaction) =>
      pricesAt(transaction, key, asOf, 1),
    );
    if (found.bookVersion >= minBookVersion) return found;
    if (performance.now() >= giveUpAt) {
      throw new DomainError(
        "BOOK_BEHIND",
        `the price book is at version ${found.bookVersion} and has not reached min_book_version ` +
          `${minBookVersion} within ${maxBookStalenessMs} ms; try again`,
        { book_version: String(found.bookVersion), min_book_version: String(minBookVersion) },
      );
    }
    await sleep(pollMs, undefined, { signal: context.signal });
  }
}

const pollMs = 20;
