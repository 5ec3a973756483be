/** A metric in an expression, and the labels that it is selected by. */
export type Selected = { readonly metric: string; readonly labels: readonly string[] };

/**
 * The metrics of an expression. This is no parser, since promtool is one: what is left of a sound
 * expression without its strings, numbers, functions and words is metrics.
 */
export function metricsIn(expression: string): Selected[] {
  const bare = expression
    .replace(/#.*$/gm, "")
    .replace(/"(?:[^"\\]|\\.)*"/g, '""')
    .replace(/\[[^\]]*\]/g, "")
    .replace(/\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)/g, "")
    .replace(/\boffset\s+\w+/g, "");
  const selectors = bare.matchAll(/(?<![\w:.])([a-zA-Z_:][\w:]*)\s*(\{[^}]*\}|\()?/g);
  return [...selectors]
    .filter(([, name = "", next]) => next !== "(" && !words.has(name))
    .map(([, metric = "", matchers = ""]) => ({
      metric,
      labels: [...matchers.matchAll(/(\w+)\s*[=!]/g)].map(([, label = ""]) => label),
    }));
}

const words: ReadonlySet<string> = new Set([
  ...["and", "or", "unless", "bool"],
  ...["sum", "min", "max", "count", "avg", "by"],
]);
