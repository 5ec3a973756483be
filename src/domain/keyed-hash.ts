/**
 * Returns a 32-bit hash of words and of a length: HalfSipHash-1-3 with a random key of this thread.
 * With a hash that others can compute, an attacker could send texts that all have the same one.
 */
export function hashWords(
  words: Uint32Array,
  start: number,
  count: number,
  length: number,
): number {
  let v0 = key0;
  let v1 = key1;
  let v2 = key0 ^ 0x6c796765;
  let v3 = key1 ^ 0x74656462;
  const rounds = count + 1 + finalRounds;
  for (let round = 0; round < rounds; round += 1) {
    const word = round < count ? (words[start + round] as number) : round === count ? length : 0;
    if (round === count + 1) v2 ^= 0xff;
    v3 ^= word;
    v0 = (v0 + v1) | 0;
    v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
    v0 = (v0 << 16) | (v0 >>> 16);
    v2 = (v2 + v3) | 0;
    v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
    v0 = (v0 + v3) | 0;
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
    v2 = (v2 + v1) | 0;
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
    v2 = (v2 << 16) | (v2 >>> 16);
    v0 ^= word;
  }
  return (v1 ^ v3) >>> 0;
}

const [key0 = 0, key1 = 0] = crypto.getRandomValues(new Int32Array(2));
const finalRounds = 3;
