import { invalidField, quote } from "./domain-error.js";
import { parseAll } from "./field-errors.js";

/** For whom a price is: one account, the accounts on a price list, or, if both are empty, everyone. */
export type Audience = {
  readonly accountId: string;
  readonly priceList: string;
};

/** For whom prices are: one audience, or a kind of audiences. */
export type AudienceFilter = Audience | "accounts" | "lists" | "all";

/**
 * The key of a price. Keys are compared exactly: `gpt-5*` is another key than `gpt-5`. Which keys match a
 * request is in selector.ts.
 *
 * A request for a price has the same fields. It has names only, and may have both an account and a price list.
 */
export type Key = Audience & {
  /** `*`: all. */
  readonly chargeType: string;
  /** `*`: all. The model is then `*` too. */
  readonly provider: string;
  /** With a final `*` the beginning of names. */
  readonly model: string;
};

/** A key without a charge type. */
export type ModelKey = Omit<Key, "chargeType">;

export const everyone: Audience = { accountId: "", priceList: "" };

/** Stands for all names, or at the end of a model for the rest of its name. */
export const wildcard = "*";

/** Parses a charge type's name. @throws DomainError INVALID_FIELD */
export function parseChargeType(field: string, text: string): string {
  return parse(field, text, chargeTypes);
}

/** Parses a provider's name. @throws DomainError INVALID_FIELD */
export function parseProvider(field: string, text: string): string {
  return parse(field, text, providers);
}

/** Parses a model's name. @throws DomainError INVALID_FIELD */
export function parseModel(field: string, text: string): string {
  const name = parse(field, text, models);
  if (!name.endsWith(wildcard)) return name;
  throw invalidField(field, `is ${quote(text)}; allowed: a name, which has no * at its end`);
}

/** Parses the beginning of a model's name, which may end in a space. @throws DomainError INVALID_FIELD */
export function parseModelPrefix(field: string, text: string): string {
  return parse(field, text, modelPrefixes);
}

/** Parses the charge type of a price: a name, or `*`. @throws DomainError INVALID_FIELD */
export function parseChargeTypePattern(field: string, text: string): string {
  return text === wildcard ? text : parse(field, text, chargeTypes, orWildcard);
}

/** Parses the provider of a price: a name, or `*`. @throws DomainError INVALID_FIELD */
export function parseProviderPattern(field: string, text: string): string {
  return text === wildcard ? text : parse(field, text, providers, orWildcard);
}

/**
 * Parses the model of a price: a name, the beginning of names with a final `*`, or `*`. The provider must
 * be the parsed one.
 *
 * @throws DomainError INVALID_FIELD
 */
export function parseModelPattern(field: string, text: string, provider: string): string {
  const model = parse(field, text, models);
  if (provider !== wildcard || model === wildcard) return model;
  throw invalidField(field, `is ${quote(text)}; allowed: *, because the provider is *`);
}

/** Parses an account, or no text. @throws DomainError INVALID_FIELD */
export function parseAccountIdOrNone(field: string, text = ""): string {
  return text === "" ? text : parse(field, text, accounts);
}

/** Parses the name of a price list, or no text. @throws DomainError INVALID_FIELD */
export function parsePriceListOrNone(field: string, text = ""): string {
  return text === "" ? text : parse(field, text, providers);
}

/**
 * Parses an account and a price list, of which at most one may be given. `path` is before their names.
 *
 * @throws DomainError INVALID_FIELD
 */
export function parseAudience({ accountId, priceList }: Audience, path = ""): Audience {
  if (isForEveryone({ accountId, priceList })) return everyone;
  const audience = parseAll({
    accountId: () => parseAccountIdOrNone(`${path}account_id`, accountId),
    priceList: () => parsePriceListOrNone(`${path}price_list`, priceList),
  });
  if (accountId === "" || priceList === "") return audience;
  throw invalidField(
    `${path}price_list`,
    `is ${quote(priceList)}, and account_id is given too; allowed: one of them`,
  );
}

/** Returns whether a price is for everyone, or a request names neither an account nor a price list. */
export function isForEveryone({ accountId, priceList }: Audience): boolean {
  return accountId === "" && priceList === "";
}

/** Returns whether a price for this audience is among those of a filter. */
export function isAmong({ accountId, priceList }: Audience, filter: AudienceFilter): boolean {
  if (filter === "accounts") return accountId !== "";
  if (filter === "lists") return priceList !== "";
  return filter === "all" || (filter.accountId === accountId && filter.priceList === priceList);
}

/** Formats a key for people: `completion/openai/gpt-5`, and `(account acme)` unless it is for everyone. */
export function toKeyText({
  accountId = "",
  priceList = "",
  ...key
}: Omit<Key, keyof Audience> & Partial<Audience>): string {
  const text = `${key.chargeType}/${key.provider}/${key.model}`;
  const audience = [
    ...(accountId === "" ? [] : [`account ${accountId}`]),
    ...(priceList === "" ? [] : [`price list ${priceList}`]),
  ];
  return audience.length === 0 ? text : `${text} (${audience.join(", ")})`;
}

/** Formats a key so that different keys have different texts. */
export function toKeyId({ accountId, priceList, chargeType, provider, model }: Key): string {
  // No part of a key has a control character.
  return `${chargeType}\n${provider}\n${model}\n${accountId}\n${priceList}`;
}

/** What a part of a key may be. */
type Allowed = { readonly pattern: RegExp; readonly range: string };

const chargeTypes: Allowed = {
  ...{ pattern: /^[a-z][a-z0-9_]{0,62}$/, range: "[a-z][a-z0-9_]{0,62}" },
};
const providers: Allowed = {
  ...{ pattern: /^[a-z0-9][a-z0-9._-]{0,62}$/, range: "[a-z0-9][a-z0-9._-]{0,62}" },
};
const models: Allowed = {
  pattern: /^(?=.{1,255}$)[\x21-\x7e]+(?: [\x21-\x7e]+)*$/,
  range: "1 to 255 visible ASCII characters, with single spaces between them",
};
const modelPrefixes: Allowed = {
  pattern: /^(?=.{1,255}$)[\x21-\x7e]+(?: [\x21-\x7e]+)* ?$/,
  range: models.range,
};
/** Excludes control characters, and unpaired surrogates, which UTF-8 cannot encode. */
export const accounts: Allowed = {
  pattern: /^(?!\p{Zs})[^\p{Cc}\p{Cs}]{1,255}(?<!\p{Zs})$/u,
  range: "1 to 255 characters, no control characters, no space at either end",
};
const orWildcard = ", or *";

function parse(field: string, text: string, { pattern, range }: Allowed, or = ""): string {
  if (text === "") throw invalidField(field, `is required: ${range}${or}`);
  if (!pattern.test(text)) throw invalidField(field, `is ${quote(text)}; allowed: ${range}${or}`);
  return text;
}
