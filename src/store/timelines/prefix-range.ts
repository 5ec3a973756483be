/**
 * Returns the range in byte order that contains exactly the model names with a prefix. An index can
 * search it, and unlike in `like` no character of the prefix is special. Names have no character
 * from DEL (0x7f) on.
 */
export function toPrefixRange(prefix: string): { modelStart: string; modelEnd: string } {
  return { modelStart: prefix, modelEnd: `${prefix}\x7f` };
}
