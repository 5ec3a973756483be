import { Decimal } from "../../domain/decimal.js";
import type { Key } from "../../domain/price-key.js";

/** The columns of a key. */
export type KeyColumns = {
  readonly charge_type: string;
  readonly provider: string;
  readonly model: string;
};

export function toKey({ charge_type, provider, model }: KeyColumns): Key {
  return { chargeType: charge_type, provider, model };
}

export function toKeyColumns({ chargeType, provider, model }: Key): KeyColumns {
  return { charge_type: chargeType, provider, model };
}

/** Parses a price column. Null: no price. */
export function toPrice(text: string | null): Decimal | null {
  return text === null ? null : new Decimal(text);
}
