/**
 * The range that holds just the model names with a prefix, in byte order: an index can search it,
 * and no character of the prefix has a meaning of its own. Names end below DEL (0x7f).
 */
export function toPrefixRange(prefix: string): { modelStart: string; modelEnd: string } {
  return { modelStart: prefix, modelEnd: `${prefix}\x7f` };
}
