import type { Key } from "../../domain/price-key.js";
import type { Connection } from "./client.js";

/**
 * Returns what may be a mistake in a price that is to be written, as the dry run of an import with this row
 * does.
 */
export async function findWarnings(
  { pricing }: Connection,
  key: Key,
  price: string,
): Promise<readonly string[]> {
  const request = { terms: { validateOnly: true }, rows: [{ ...key, price }] };
  // If the row is wrong, the write itself fails and says why.
  const { warnings } = await pricing.batchUpsertLLMPrices(request).catch(() => ({ warnings: [] }));
  return warnings.map(({ description }) => description);
}
