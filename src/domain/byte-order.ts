/** Orders texts as their UTF-8 bytes, which is the order of their code points. */
export function compareBytes(a: string, b: string): number {
  const end = Math.min(a.length, b.length);
  let index = 0;
  while (index < end && a.charCodeAt(index) === b.charCodeAt(index)) index += 1;
  if (index === end) return a.length - b.length;
  return toCodePointOrder(a.charCodeAt(index)) - toCodePointOrder(b.charCodeAt(index));
}

/**
 * UTF-16 writes the code points behind U+FFFF with surrogates, D800 to DFFF, before E000 to FFFF:
 * moving the surrogates behind all other units puts the units in the order of their code points.
 */
function toCodePointOrder(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
}
