import type { Key } from "../domain/price-key.js";

/** Returns FNV-1a of a key's characters, with a final bit mix: 0 to 2^32 - 1. */
export function hashKey({ chargeType, provider, model }: Key): number {
  let hash = addText(offsetBasis, chargeType);
  hash = addText(Math.imul(hash ^ slash, prime), provider);
  hash = addText(Math.imul(hash ^ slash, prime), model);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return (hash ^ (hash >>> 12)) >>> 0;
}

function addText(start: number, text: string): number {
  let hash = start;
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), prime);
  }
  return hash;
}

const offsetBasis = 0x811c9dc5;
const prime = 0x01000193;
const slash = 47;
