import { DomainError } from "../../domain/domain-error.js";
import { parseAll } from "../../domain/field-errors.js";
import { parseModel, parseProvider } from "../../domain/price-key.js";
import { exitCodes, Failure } from "../exit-codes.js";
import type { FileFormat } from "../files/format.js";
import type { InputFile } from "../files/input-file.js";
import { readRecords } from "../files/read-records.js";
import type { FileRecord } from "../files/record.js";
import { formatCount } from "../output/progress.js";

/** Providers and the models of each. */
export type CatalogNames = Map<string, Set<string>>;

/**
 * Reads all names of a catalogue, each once.
 *
 * @throws Failure naming the first hundred bad rows by their lines.
 */
export async function readCatalogNames(
  source: InputFile,
  format: FileFormat,
): Promise<CatalogNames> {
  const names: CatalogNames = new Map();
  const problems: string[] = [];
  let bad = 0;
  for await (const records of readRecords(source, format, columns)) {
    for (const record of records) {
      const problem = take(record, names);
      if (problem === undefined) continue;
      bad += 1;
      if (bad <= 100) problems.push(`${source.name}:${record.line}: ${problem}`);
    }
  }
  if (bad === 0) return names;
  const count = `${formatCount(bad)} ${bad === 1 ? "row is" : "rows are"} bad`;
  const message = [`nothing is registered, ${count}:`, ...problems].join("\n");
  throw new Failure(message, exitCodes.rejected);
}

const columns = { required: ["provider", "model"], optional: [] } as const;

/** Adds a row's names, or tells what is wrong with them. */
function take(record: FileRecord, names: CatalogNames): string | undefined {
  if ("problem" in record) return record.problem;
  const { provider: providerText = "", model: modelText = "" } = record.fields;
  try {
    const { provider, model } = parseAll({
      provider: () => parseProvider("provider", providerText),
      model: () => parseModel("model", modelText),
    });
    const models = names.get(provider) ?? new Set();
    names.set(provider, models.add(model));
    return undefined;
  } catch (error) {
    if (error instanceof DomainError) return error.message;
    throw error;
  }
}
