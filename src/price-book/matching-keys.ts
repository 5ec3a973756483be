import { isForEveryone, type Key, wildcard } from "../domain/price-key.js";
import { audiencesFor, namesChargeType, prefixLengthOf } from "../domain/selector.js";
import { combineHashes, finishHash, hashAudience, hashText, hashUnit } from "./key-hash.js";
import { type PackedAudience, packAudience, packedEveryone } from "./packed-audience.js";
import { hashScope, type SpecificityIndex, wildcardHash } from "./specificity-index.js";

/** A key to look for in the records. */
export type WantedKey = {
  readonly hash: number;
  readonly audience: PackedAudience;
  readonly chargeType: string;
  readonly provider: string;
  readonly model: string;
  /** How many characters of `model` are before a `*`. Undefined: `model` is the whole text. */
  readonly prefixLength: number | undefined;
};

/** Returns the key to look for: exactly this one. */
export function toWantedKey(key: Key): WantedKey {
  const { chargeType, provider, model } = key;
  const scope = hashScope(hashAudience(key), hashText(provider));
  const hash = finish(scope, hashText(chargeType), hashText(model));
  return {
    hash,
    audience: packAudience(key),
    chargeType,
    provider,
    model,
    prefixLength: undefined,
  };
}

/**
 * Calls `visit` with each key that matches a request and may be in the book, the most specific first, until
 * it returns true.
 */
export function visitMatchingKeys(
  request: Key,
  specificities: SpecificityIndex,
  visit: (wanted: WantedKey) => boolean,
): void {
  const { chargeType, provider, model } = request;
  const typeHash = hashText(chargeType);
  const providerHash = hashText(provider);
  const isOnlyForEveryone = isForEveryone(request);
  if (isOnlyForEveryone) {
    // Most requests: found without the index.
    const hash = finish(hashScope(everyoneHash, providerHash), typeHash, hashText(model));
    const audience = packedEveryone;
    if (visit({ hash, audience, chargeType, provider, model, prefixLength: undefined })) return;
  }
  hashPrefixes(model);
  for (const each of isOnlyForEveryone ? onlyEveryone : audiencesFor(request)) {
    const audienceHash = hashAudience(each);
    const audience = packAudience(each);
    for (const isNamed of [true, false]) {
      const scope = hashScope(audienceHash, isNamed ? providerHash : wildcardHash);
      for (const specificity of specificities.of(scope)) {
        const prefixLength = prefixLengthOf(specificity);
        const namesType = namesChargeType(specificity);
        if (prefixLength === undefined) {
          if (!isNamed || (isOnlyForEveryone && namesType)) continue;
        } else if (prefixLength > model.length) continue;
        const modelHash =
          prefixLength === undefined
            ? prefixHashes[model.length]
            : hashUnit(prefixHashes[prefixLength] as number, wildcardUnit);
        const wanted = {
          hash: finish(scope, namesType ? typeHash : wildcardHash, modelHash as number),
          audience,
          chargeType: namesType ? chargeType : wildcard,
          provider: isNamed ? provider : wildcard,
          ...{ model, prefixLength },
        };
        if (visit(wanted)) return;
      }
    }
  }
}

function finish(scopeHash: number, typeHash: number, modelHash: number): number {
  return finishHash(combineHashes(combineHashes(scopeHash, typeHash), modelHash));
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

const onlyEveryone = audiencesFor({ accountId: "", priceList: "" });
const everyoneHash = hashAudience({ accountId: "", priceList: "" });
const emptyHash = hashText("");
const wildcardUnit = wildcard.charCodeAt(0);
/** Reused by each lookup. A model has at most 255 characters. */
const prefixHashes = new Int32Array(256);
