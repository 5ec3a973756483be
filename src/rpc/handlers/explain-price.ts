import type { MessageInitShape } from "@bufbuild/protobuf";
import type { ServiceImpl } from "@connectrpc/connect";
import { toPlainText } from "../../domain/decimal.js";
import { parseAll } from "../../domain/field-errors.js";
import {
  CandidateState,
  type LLMPriceCandidateSchema,
} from "../../gen/llmprices/v1/llm_price_pb.js";
import type { PricingService } from "../../gen/llmprices/v1/pricing_service_pb.js";
import { inTransaction } from "../../store/connection/transaction.js";
import { type DescribedKey, describeKeys } from "../../store/prices/described-keys.js";
import { parseVersions, requireVersion, wantedVersion } from "../messages/book-version.js";
import { parseRequestedKey } from "../messages/price-lookup.js";
import { toAppliedPrice, toPriceMessage } from "../messages/price-messages.js";
import { parseAsOf, toTimestamp } from "../messages/timestamps.js";
import type { PricingDependencies } from "./dependencies.js";
import { readPrices } from "./find-price.js";

/**
 * Creates the handler that explains which price applies. The price book finds the prices as for a charge;
 * the database adds who wrote them and why.
 */
export function explainMethods(
  dependencies: PricingDependencies,
): Pick<ServiceImpl<typeof PricingService>, "explainLLMPrice"> {
  return {
    async explainLLMPrice(request, context) {
      const { key, asOf, versions } = parseAll({
        key: () => parseRequestedKey(request),
        asOf: () => parseAsOf(request.asOf),
        versions: () => parseVersions(request),
      });
      const { bookVersion: version } = versions;
      const found = await readPrices(dependencies, context, {
        requests: [{ key, asOf, bookVersion: version }],
        ...{ asOf, bookVersion: version, explains: true },
        wantedVersion: wantedVersion(versions),
      });
      requireVersion(found.newestVersion, versions);
      const { at, bookVersion, prices } = found;
      const [applied] = prices;
      const ids = found.matches?.[0]?.map(({ id }) => id) ?? [];
      const candidates = await inTransaction(dependencies.knex, context, (transaction) =>
        describeKeys(transaction, ids, { at, bookVersion }),
      );
      return {
        candidates: candidates.map((each) => toCandidateMessage(each, applied?.id)),
        ...(applied && {
          applied: toAppliedPrice(applied, bookVersion),
          markup: toPlainText(applied.price),
        }),
        ...{ asOf: toTimestamp(at), bookVersion },
      };
    },
  };
}

function toCandidateMessage(
  { llmPrice, standing, changedBy, reason }: DescribedKey,
  appliedId: string | undefined,
): MessageInitShape<typeof LLMPriceCandidateSchema> {
  const priced = llmPrice.id === appliedId ? CandidateState.APPLIED : CandidateState.SHADOWED;
  const state = { priced, ended: CandidateState.ENDED, notYet: CandidateState.NOT_YET }[standing];
  return { llmPrice: toPriceMessage(llmPrice), state, changedBy, reason };
}
