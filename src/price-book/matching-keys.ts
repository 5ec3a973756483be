import { type Audience, everyone, isForEveryone, type Key, wildcard } from "../domain/price-key.js";
import { namesChargeType, prefixLengthOf } from "../domain/selector.js";
import { hashAudience, hashInScope, hashScope, hashText, hashUnit } from "./key-hash.js";
import { type Shard, shardOf } from "./shard.js";
import type { SpecificityIndex } from "./specificity-index.js";

/** Where keys are: the shards by hash, and how specific the keys in them are. */
export type KeyTable = {
  readonly shards: readonly Shard[];
  readonly specificities: SpecificityIndex;
};

/** Gets a key that matches, and its place. Returns true to end the search. */
export type VisitKey = (key: Key, shard: Shard, offset: number) => boolean;

/**
 * Calls `visit` with each key that matches a request, the most specific first, until it returns true. Tries
 * only keys that the table may have.
 */
export function visitMatchingKeys(request: Key, table: KeyTable, visit: VisitKey): void {
  const providerHash = hashText(request.provider);
  const typeHash = hashText(request.chargeType);
  const isExactVisited = isForEveryone(request);
  if (isExactVisited) {
    // Most requests end here.
    const scope = hashScope(everyoneHash, providerHash);
    const hash = hashInScope(scope, typeHash, hashText(request.model));
    const shard = table.shards[shardOf(hash)] as Shard;
    const offset = shard.find(hash, request, undefined);
    if (offset !== undefined && visit(request, shard, offset)) return;
  }
  hashPrefixes(request.model);
  const { accountId, priceList, chargeType, provider, model } = request;
  const names: RequestNames = {
    chargeType,
    provider,
    model,
    typeHash,
    providerHash,
    isExactVisited,
  };
  if (accountId !== "" && visitAudience({ accountId, priceList: "" }, names, table, visit)) return;
  if (priceList !== "" && visitAudience({ accountId: "", priceList }, names, table, visit)) return;
  visitAudience(everyone, names, table, visit);
}

/** The names of a request, and the hashes of those that are hashed as a whole. */
type RequestNames = {
  /** Whether the key that is the request itself was visited. */
  readonly isExactVisited: boolean;
  readonly chargeType: string;
  readonly provider: string;
  readonly model: string;
  readonly typeHash: number;
  readonly providerHash: number;
};

/** Visits the keys of one audience. Returns true if the search has ended. */
function visitAudience(
  audience: Audience,
  names: RequestNames,
  table: KeyTable,
  visit: VisitKey,
): boolean {
  const audienceHash = hashAudience(audience);
  const { provider, providerHash } = names;
  return (
    visitScope(hashScope(audienceHash, providerHash), audience, provider, names, table, visit) ||
    visitScope(hashScope(audienceHash, wildcardHash), audience, wildcard, names, table, visit)
  );
}

/** Visits the keys of one audience and one provider, or of `*`. Returns true if the search has ended. */
function visitScope(
  scopeHash: number,
  { accountId, priceList }: Audience,
  provider: string,
  { chargeType, model, typeHash, isExactVisited }: RequestNames,
  { shards, specificities }: KeyTable,
  visit: VisitKey,
): boolean {
  for (const specificity of specificities.of(scopeHash)) {
    const prefixLength = prefixLengthOf(specificity);
    const isTypeNamed = namesChargeType(specificity);
    const isVisited = isExactVisited && prefixLength === undefined && isTypeNamed;
    if (isVisited || (prefixLength ?? 0) > model.length) continue;
    const typePart = isTypeNamed ? typeHash : wildcardHash;
    const hash = hashInScope(scopeHash, typePart, hashModel(prefixLength, model));
    const shard = shards[shardOf(hash)] as Shard;
    // A literal object: a copy of the request by spread would take longer than the rest.
    const key: Key = {
      accountId,
      priceList,
      chargeType: isTypeNamed ? chargeType : wildcard,
      provider,
      model,
    };
    const offset = shard.find(hash, key, prefixLength);
    if (offset === undefined) continue;
    const found = prefixLength === undefined ? key : withPrefix(key, prefixLength);
    if (visit(found, shard, offset)) return true;
  }
  return false;
}

function withPrefix(
  { accountId, priceList, chargeType, provider, model }: Key,
  length: number,
): Key {
  return { accountId, priceList, chargeType, provider, model: model.slice(0, length) + wildcard };
}

/** Sets `prefixHashes[n]` to the hash of the first n characters, for all n. */
function hashPrefixes(model: string): void {
  let hash = emptyHash;
  prefixHashes[0] = hash;
  for (let index = 0; index < model.length; index += 1) {
    hash = hashUnit(hash, model.charCodeAt(index));
    prefixHashes[index + 1] = hash;
  }
}

/** Returns the hash of a model, or of its beginning and `*`. Call `hashPrefixes` before. */
function hashModel(prefixLength: number | undefined, { length }: string): number {
  if (prefixLength === undefined) return prefixHashes[length] as number;
  return hashUnit(prefixHashes[prefixLength] as number, wildcardUnit);
}

const everyoneHash = hashAudience(everyone);
const wildcardHash = hashText(wildcard);
const emptyHash = hashText("");
const wildcardUnit = wildcard.charCodeAt(0);
/** Reused by each search. A model has at most 255 characters. */
const prefixHashes = new Int32Array(256);
