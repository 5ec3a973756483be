import { readFileSync } from "node:fs";
import type { TestKey } from "../../test/support/prices.js";

export type CatalogModel = { readonly provider: string; readonly model: string };

/**
 * Returns every `step`-th model of the catalogue, by provider. The first of each provider is always
 * among them. No name contains a comma, a quote or a line end.
 */
export function readCatalog(step: number): ReadonlyMap<string, readonly CatalogModel[]> {
  const text = readFileSync(new URL("model-catalog.csv", import.meta.url), "utf8");
  const [header, ...lines] = text.trimEnd().split("\n");
  if (header !== "provider,model") throw new Error(`the catalogue begins with ${header}`);
  const catalog = new Map<string, CatalogModel[]>();
  for (const [index, entry] of lines.map(parseLine).entries()) {
    const models = catalog.get(entry.provider);
    if (models === undefined) catalog.set(entry.provider, [entry]);
    else if (index % step === 0) models.push(entry);
  }
  return catalog;
}

/** Returns a key for every model and every charge type. */
export function keysOf(models: readonly CatalogModel[]): readonly TestKey[] {
  return models.flatMap((model) => chargeTypes.map((chargeType) => ({ chargeType, ...model })));
}

/** Returns a key without a price for each provider, one edit or one name away from a priced key. */
export function nearMissesOf(
  catalog: ReadonlyMap<string, readonly CatalogModel[]>,
): readonly TestKey[] {
  const everywhere = [...catalog.values()].flat();
  return [...catalog].map(([provider, models], index) => {
    const known = new Set(models.map(({ model }) => model));
    const { model = "" } = models[index % models.length] ?? {};
    const edits = [
      model.slice(0, -1),
      `${model}x`,
      model.toUpperCase(),
      `${model.slice(0, -1)}~`,
      `.${model}`,
      everywhere.find((other) => !known.has(other.model))?.model ?? "",
    ];
    // Each provider starts with another edit, and takes the next one if the result is a model.
    const turned = [...edits.slice(index % edits.length), ...edits];
    const absent = turned.find((name) => name !== "" && !known.has(name));
    if (absent === undefined) throw new Error(`all that is near ${provider}/${model} exists`);
    return { chargeType: "completion", provider, model: absent };
  });
}

/** Created by the first migration. */
const chargeTypes = ["completion", "plugin", "tool"];

function parseLine(line: string): CatalogModel {
  const [provider = "", model = "", ...rest] = line.split(",");
  if (provider === "" || model === "" || rest.length > 0) throw new Error(`not two names: ${line}`);
  return { provider, model };
}
