import type { Knex } from "knex";
import { type Decimal, toPlainText } from "../../../domain/decimal.js";
import { DomainError } from "../../../domain/domain-error.js";
import { toKeyText } from "../../../domain/price-key.js";
import { type KeyColumns, keyColumns, toKey, toPrice } from "../../prices/price-columns.js";

/** Returns an IMPORT_GUARD error if the plan changes prices by more than `limit` percent. */
export async function checkPriceChanges(
  transaction: Knex,
  limit: Decimal,
): Promise<DomainError | undefined> {
  const { rows } = await transaction.raw(
    `
    select ${keyColumns}, value_before, value, count(*) over () as changes
    from import_steps
    where (adds or replaces or cancels)
      and abs(value - value_before) * 100 > cast(:limit as numeric) * value_before
    order by row_number nulls last, ${keyColumns}
    limit :maxKeys`,
    { limit: toPlainText(limit), maxKeys: maxNamedChanges },
  );
  if (rows.length === 0) return undefined;
  const count = Number(rows[0].changes);
  const named = rows.map(describeChange);
  const shown = named.slice(0, maxInMessage).join(", ");
  const others = count > maxInMessage ? ` and ${count - maxInMessage} others` : "";
  return new DomainError(
    "IMPORT_GUARD",
    `prices would change by more than max_change_percent, which is ${toPlainText(limit)}: ` +
      `${shown}${others}; nothing was written`,
    {
      metadata: {
        ...{ guard: "max_change_percent", limit: toPlainText(limit) },
        changed_keys: String(count),
        ...Object.fromEntries(named.map((text: string, i: number) => [`key_${i + 1}`, text])),
      },
    },
  );
}

function describeChange(row: KeyColumns & { value_before: string; value: string }): string {
  const [before, after] = [row.value_before, row.value].map((text) =>
    toPlainText(toPrice(text) as Decimal),
  );
  return `${toKeyText(toKey(row))} from ${before} to ${after}`;
}

const maxNamedChanges = 20;
/** The most changes in the text of the message. */
const maxInMessage = 3;
