import type { Audience } from "../domain/price-key.js";

/*
 * Hashes of keys: signed 32-bit integers, which V8 stores without an object. The hash of a key is combined
 * from hashes of its parts, so that a lookup which tries several keys for one request hashes each part only
 * once.
 */

/** Returns the hash of an audience and a provider. */
export function hashScope(audienceHash: number, providerHash: number): number {
  return combine(audienceHash, providerHash);
}

/** Returns the hash of a key from those of its parts. */
export function hashInScope(scopeHash: number, typeHash: number, modelHash: number): number {
  const hash = combine(combine(scopeHash, typeHash), modelHash);
  const mixed = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return mixed ^ (mixed >>> 13);
}

/** Returns the hash of an audience. Accounts and price lists with the same text differ. */
export function hashAudience({ accountId, priceList }: Audience): number {
  if (accountId !== "") return hashText(accountId, accountBasis);
  return priceList === "" ? offsetBasis : hashText(priceList, priceListBasis);
}

/** Returns FNV-1a of a text's UTF-16 units. */
export function hashText(text: string, basis = offsetBasis): number {
  let hash = basis;
  for (let index = 0; index < text.length; index += 1) {
    hash = hashUnit(hash, text.charCodeAt(index));
  }
  return hash;
}

/** Returns the hash of a text with one more unit. */
export function hashUnit(hash: number, unit: number): number {
  return Math.imul(hash ^ unit, prime);
}

/** Combines the hash of parts with that of the next one. */
function combine(parts: number, next: number): number {
  return Math.imul(parts ^ (next >>> 15) ^ next, 0x2c1b3c6d) ^ (parts >>> 12);
}

const offsetBasis = 0x811c9dc5 | 0;
const accountBasis = 0x1b873593;
const priceListBasis = 0x6d2b79f5;
const prime = 0x01000193;
