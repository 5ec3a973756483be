import { DomainError } from "../../domain/domain-error.js";
import { parseAll } from "../../domain/field-errors.js";
import { parseModel, parseProvider } from "../../domain/price-key.js";
import { exitCodes, Failure } from "../exit-codes.js";
import type { FileFormat } from "../files/format.js";
import type { InputFile } from "../files/input-file.js";
import { readRecords } from "../files/read-records.js";
import { describeProblems, type FileRecord, type ReadOptions } from "../files/record.js";
import { formatCount } from "../output/progress.js";

/** The models of each provider. */
export type CatalogNames = Map<string, Set<string>>;

/**
 * Reads the distinct names of a catalogue.
 *
 * @throws Failure naming the lines of the first 100 bad rows.
 */
export async function readCatalogNames(
  inputFile: InputFile,
  format: FileFormat,
  options: ReadOptions,
): Promise<CatalogNames> {
  const names: CatalogNames = new Map();
  const problems: string[] = [];
  let badRowCount = 0;
  for await (const records of readRecords(inputFile, format, columns, options)) {
    for (const record of records) {
      const problem = addNames(record, names);
      if (problem === undefined) continue;
      badRowCount += 1;
      if (badRowCount <= 100) problems.push(`${inputFile.name}:${record.line}: ${problem}`);
    }
  }
  if (badRowCount === 0) return names;
  const count = `${formatCount(badRowCount)} ${badRowCount === 1 ? "row is" : "rows are"} bad`;
  const message = [`nothing is registered, ${count}:`, ...problems].join("\n");
  throw new Failure(message, exitCodes.rejected);
}

const columns = { required: ["provider", "model"], optional: [] } as const;

/** Adds a row's names, or returns what is wrong with the row. */
function addNames(record: FileRecord, names: CatalogNames): string | undefined {
  if ("problems" in record) return describeProblems(record.problems);
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
