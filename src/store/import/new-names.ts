import type { Knex } from "knex";
import type { ImportCounts, NewNames } from "../../domain/timeline-import.js";

/** Returns the first names of each kind that the plan registers. `counts` are the numbers of all. */
export async function listNewNames(
  transaction: Knex,
  counts: Pick<ImportCounts, "chargeTypes" | "providers" | "models">,
): Promise<NewNames> {
  const list = async (count: number, columns: readonly string[], lacks: string) => {
    if (count === 0) return [];
    const { rows } = await transaction.raw(`
      select distinct ${columns.join(", ")} from import_steps where adds and ${lacks}
      order by ${columns.join(", ")} limit ${maxNewNames}`);
    return rows;
  };
  const chargeTypes = await list(counts.chargeTypes, ["charge_type"], "lacks_charge_type");
  const providers = await list(counts.providers, ["provider"], "lacks_provider");
  const models = await list(counts.models, ["provider", "model"], "lacks_model");
  return {
    chargeTypes: chargeTypes.map((row: { charge_type: string }) => row.charge_type),
    providers: providers.map((row: { provider: string }) => row.provider),
    models: models.map((row: { provider: string; model: string }) => ({
      ...{ provider: row.provider, name: row.model },
    })),
  };
}

const maxNewNames = 100;
