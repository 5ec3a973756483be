import { distance } from "fastest-levenshtein";
import type { Knex } from "knex";
import type { Metadata } from "../../domain/domain-error.js";
import { type Instant, toInstantText } from "../../domain/instant.js";
import { everyone, isForEveryone, type Key, toKeyText } from "../../domain/price-key.js";
import { toPrefixRange } from "../timelines/prefix-range.js";
import { type KeyColumns, keyColumns, toKey } from "./price-columns.js";

/** The names nearest to an unknown one, as metadata and as a "did you mean" hint for a message. */
export type Nearest = { readonly metadata: Metadata; readonly hint: string };

/** Returns at most three registered names that a caller who wrote `wanted` may have meant. */
export function nearestNames(wanted: string, candidates: readonly string[]): Nearest {
  return toNearest(
    rankNames(wanted, candidates).filter(({ name, edits }) => {
      const [short, long] = [wanted, name].sort((a, b) => a.length - b.length) as [string, string];
      const isPart = short.length >= 3 && long.toLowerCase().includes(short.toLowerCase());
      return isPart || (edits < short.length && edits <= Math.max(2, 0.4 * long.length));
    }),
  );
}

type Ranked = { readonly name: string; readonly edits: number };

/** Ranks names by their edit distance, which ignores letter case. */
function rankNames(wanted: string, candidates: readonly string[]): readonly Ranked[] {
  const lower = wanted.toLowerCase();
  return candidates
    .map((name) => ({ name, edits: distance(lower, name.toLowerCase()) }))
    .sort((a, b) => a.edits - b.edits || (a.name < b.name ? -1 : 1));
}

function toNearest(ranked: readonly Ranked[]): Nearest {
  const names = ranked.slice(0, 3).map(({ name }) => name);
  if (names.length === 0) return { metadata: {}, hint: "" };
  const metadata = Object.fromEntries(names.map((name, i) => [`nearest_${i + 1}`, name]));
  return { metadata, hint: `; did you mean ${names.join(", ")}?` };
}

/**
 * Returns the keys nearest to one without a price at an instant. The candidates have a price then:
 * other charge types and providers of the model, other models of the provider, and models that
 * begin with the same 4 characters. They are for everyone, or for the same account or price list: the
 * names of others are never shown. Their number is limited, so that many failed lookups cost little.
 */
export async function nearestKeys(
  knex: Knex,
  key: Key,
  at: Instant,
): Promise<Nearest & { readonly keys: readonly Key[] }> {
  const { accountId, priceList } = key;
  // For each audience by index: other accounts may have many more prices than these.
  const audiences = [everyone, { accountId, priceList: "" }, { accountId: "", priceList }];
  const branches = audiences
    .filter((each, i) => i === 0 || !isForEveryone(each))
    .flatMap(({ accountId: account, priceList: list }) =>
      candidates.map(([condition, limit]) => ({ account, list, condition, limit })),
    );
  const { rows } = await knex.raw(
    `
    select ${keyColumns} from (
      ${branches
        .map(
          ({ condition, limit }, i) =>
            `(select * from llm_prices where account_id = :account${i} and price_list = :list${i}
              and ${condition} limit ${limit})`,
        )
        .join(" union ")}
    ) candidate
    where (
      select revision.price from llm_price_revisions revision
      where revision.llm_price_id = candidate.id and revision.superseded_in is null
        and revision.effective_from <= :at
      order by revision.effective_from desc limit 1
    ) is not null`,
    {
      ...Object.fromEntries(
        branches.flatMap(({ account, list }, i) => [
          [`account${i}`, account],
          [`list${i}`, list],
        ]),
      ),
      ...{ model: key.model, provider: key.provider, at: toInstantText(at) },
      ...toPrefixRange(key.model.slice(0, 4)),
    },
  );
  const keys = new Map<string, Key>(
    rows.map((row: KeyColumns) => [toKeyText(toKey(row)), toKey(row)]),
  );
  // The newest version may have a price that the version asked about does not have.
  keys.delete(toKeyText(key));
  const nearest = toNearest(rankNames(toKeyText(key), [...keys.keys()]));
  return {
    ...nearest,
    keys: Object.values(nearest.metadata).flatMap((name) => keys.get(name) ?? []),
  };
}

/** The keys to compare with the wanted one, and how many of each kind. */
const candidates = [
  ["model = :model", 500],
  ["provider = :provider", 1000],
  ["model >= :modelStart and model < :modelEnd", 500],
] as const;
