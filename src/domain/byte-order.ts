/** Compares strings by their UTF-8 bytes, which is also the order of their code points. */
export function compareBytes(a: string, b: string): number {
  const end = Math.min(a.length, b.length);
  let index = 0;
  while (index < end && a.charCodeAt(index) === b.charCodeAt(index)) index += 1;
  if (index === end) return a.length - b.length;
  return toCodePointOrder(a.charCodeAt(index)) - toCodePointOrder(b.charCodeAt(index));
}

/**
 * Maps a UTF-16 code unit to a number that sorts in code point order. UTF-16 encodes code points
 * above U+FFFF as surrogates (D800 to DFFF), which would sort before E000 to FFFF: this moves the
 * surrogates after all other units.
 */
function toCodePointOrder(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
}
