import type { Knex } from "knex";
import { type Nearest, nearestNames } from "../prices/suggestions.js";
import type { RowErrorRow } from "./plan.js";

/**
 * Returns a function that finds the registered names nearest to the one of a row that is not registered.
 * One query reads the candidates for all rows: at most 1,000 names of each kind, and of each provider.
 */
export async function findNearestNames(
  transaction: Knex,
  rows: readonly RowErrorRow[],
): Promise<(row: RowErrorRow) => Nearest> {
  if (!rows.some(({ problem }) => isName(problem))) return () => nothing;
  const providers = new Set(
    rows.flatMap(({ problem, provider }) => (problem === "model" ? [provider] : [])),
  );
  const candidates = new Map<string, string[]>();
  // No name contains a line feed.
  const found = await transaction.raw(registeredNames, { providers: [...providers].join("\n") });
  for (const { list, name } of found.rows) {
    const names = candidates.get(list) ?? [];
    names.push(name);
    candidates.set(list, names);
  }
  return (row) => {
    const { problem } = row;
    if (!isName(problem)) return nothing;
    const list = problem === "model" ? `model ${row.provider}` : problem;
    return nearestNames(row[problem] ?? "", candidates.get(list) ?? []);
  };
}

function isName(problem: RowErrorRow["problem"]): problem is "charge_type" | "provider" | "model" {
  return problem === "charge_type" || problem === "provider" || problem === "model";
}

const nothing: Nearest = { metadata: {}, hint: "" };

const registeredNames = `
  (select 'charge_type' as list, name from charge_types order by name limit 1000)
  union all
  (select 'provider', name from providers order by name limit 1000)
  union all
  select 'model ' || wanted.provider, model.name
  from unnest(string_to_array(:providers, chr(10))) wanted (provider)
  cross join lateral (
    select name from models where models.provider = wanted.provider order by name limit 1000
  ) model`;
