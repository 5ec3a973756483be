import type { Key } from "../../domain/price-key.js";
import type { LLMPrice } from "../../gen/llmprices/v1/llm_price_pb.js";
import { exitCodes, Failure } from "../exit-codes.js";
import type { PriceArgument } from "../rows/key-text.js";
import type { WriteFields } from "../rows/write-flags.js";
import { reasonOf } from "./call-errors.js";
import type { Connection } from "./client.js";

export type NewPrice = WriteFields & {
  readonly lookup: PriceArgument;
  readonly price: string;
  readonly correctPast: boolean;
};

export type SetPrice = {
  readonly change: "created" | "updated";
  readonly llmPrice?: LLMPrice | undefined;
  readonly bookVersion: bigint;
};

/**
 * Updates the price of a key, or creates it if the key has none. Each is one atomic call: when another
 * client creates the price in between, this fails, and the other client's price stays.
 *
 * A request without a key, or with an etag, is about a price that exists: it creates none.
 */
export async function setPrice(connection: Connection, request: NewPrice): Promise<SetPrice> {
  const { lookup, etag, requestId } = request;
  try {
    const response = await connection.pricing.updateLLMPrice(request);
    return { change: "updated", ...response };
  } catch (error) {
    const reason = reasonOf(error);
    // The same command may have created the price under this request id before.
    const mayCreate =
      reason === "PRICE_NOT_FOUND" || (reason === "REQUEST_ID_REUSED" && requestId !== "");
    if (!mayCreate || lookup.case === "id" || etag !== "") throw error;
  }
  return createPrice(connection, request, lookup.value);
}

async function createPrice(
  { pricing }: Connection,
  { price, correctPast, ...fields }: NewPrice,
  key: Key,
): Promise<SetPrice> {
  const { reason, requestId, effectiveFrom } = fields;
  try {
    const response = await pricing.createLLMPrice({
      ...{ ...key, price, reason, requestId, correctPast },
      ...(effectiveFrom && { effectiveFrom }),
    });
    return { change: "created", ...response };
  } catch (error) {
    if (reasonOf(error) !== "PRICE_ALREADY_EXISTS") throw error;
    const { rawMessage } = error as { readonly rawMessage: string };
    const hint = "nothing is written; look at the timeline with llmprices history";
    throw new Failure(`${rawMessage}; ${hint}`, exitCodes.rejected, { cause: error });
  }
}
