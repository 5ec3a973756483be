import type { Audience, Key } from "../../domain/price-key.js";
import { usageError } from "../exit-codes.js";

/** The `lookup` of a request: a price by its id or by its key. */
export type PriceArgument =
  | { readonly case: "id"; readonly value: string }
  | { readonly case: "key"; readonly value: Key };

/** The flags that say for whom a price is. */
export type AudienceFlags = { readonly account?: string; readonly priceList?: string };

export function toAudience({ account = "", priceList = "" }: AudienceFlags): Audience {
  return { accountId: account, priceList };
}

/** Parses `charge_type/provider/model`. Only the model may contain a slash. @throws Failure */
export function parseKeyArgument(text: string, flags: AudienceFlags): Key {
  const key = splitKey(text, flags);
  if (key !== undefined && key.chargeType !== "") return key;
  throw usageError(`KEY is ${JSON.stringify(text)}; expected charge_type/provider/model`);
}

/** Parses `provider/model`. Only the model may contain a slash. @throws Failure */
export function parseModelArgument(text: string): Pick<Key, "provider" | "model"> {
  const [, provider, model] = /^([^/]+)\/(.+)$/.exec(text) ?? [];
  if (provider !== undefined && model !== undefined) return { provider, model };
  throw usageError(`MODEL is ${JSON.stringify(text)}; expected provider/model`);
}

/** Parses a key or an id, a UUID. @throws Failure */
export function parsePriceArgument(text: string, flags: AudienceFlags): PriceArgument {
  if (uuid.test(text)) return toIdArgument(text, flags);
  const key = splitKey(text, flags);
  if (key !== undefined && key.chargeType !== "") return { case: "key", value: key };
  throw usageError(`KEY is ${JSON.stringify(text)}; expected charge_type/provider/model, or an id`);
}

/**
 * Parses a key or an id. The charge type may be missing: `provider/model`, or `/provider/model` for a
 * model with a slash.
 *
 * @throws Failure
 */
export function parseOpenPriceArgument(text: string, flags: AudienceFlags): PriceArgument {
  if (uuid.test(text)) return toIdArgument(text, flags);
  const key = splitKey(text, flags) ?? splitKey(`/${text}`, flags);
  if (key !== undefined) return { case: "key", value: key };
  throw usageError(
    `KEY is ${JSON.stringify(text)}; expected charge_type/provider/model, provider/model, or an id`,
  );
}

function toIdArgument(id: string, { account, priceList }: AudienceFlags): PriceArgument {
  if ((account ?? priceList) === undefined) return { case: "id", value: id };
  throw usageError("KEY is an id, which takes neither --account nor --price-list");
}

function splitKey(text: string, flags: AudienceFlags): Key | undefined {
  const [, chargeType, provider, model] = /^([^/]*)\/([^/]+)\/(.+)$/.exec(text) ?? [];
  if (chargeType === undefined || provider === undefined || model === undefined) return undefined;
  return { ...toAudience(flags), chargeType, provider, model };
}

const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
