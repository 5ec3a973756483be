/** Metrics as Prometheus gets them: of each the names of the labels that any of its series has. */
export type Exposition = ReadonlyMap<string, ReadonlySet<string>>;

/** Puts together what several services tell: what any of them has, is there. */
export function readExpositions(texts: readonly string[]): Exposition {
  const metrics = new Map<string, Set<string>>();
  for (const line of texts.join("\n").split("\n")) {
    const [, name, labels = ""] = /^([a-zA-Z_:][\w:]*)(\{.*\})? /.exec(line) ?? [];
    if (name === undefined) continue;
    const known = metrics.get(name) ?? new Set();
    for (const [, label = ""] of labels.matchAll(/(\w+)="/g)) known.add(label);
    metrics.set(name, known);
  }
  return metrics;
}
