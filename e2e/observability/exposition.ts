/** Metrics as Prometheus scrapes them: the label names of the series of each. */
export type Exposition = ReadonlyMap<string, ReadonlySet<string>>;

/** Merges the metrics of several services. */
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
