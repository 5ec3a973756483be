import type { Knex } from "knex";
import { DomainError } from "../domain/domain-error.js";
import type { Key } from "../domain/price-key.js";
import { nearestNames } from "./prices/suggestions.js";

export type ChargeTypeRow = Timestamps & { readonly name: string; readonly description: string };
export type ProviderRow = Timestamps & { readonly name: string; readonly display_name: string };
export type ModelRow = Timestamps & { readonly provider: string; readonly name: string };
type Timestamps = { readonly created_at: Date; readonly updated_at: Date };

/** One page: the first `limit` rows after the key `after`. */
export type PageOf<K> = { readonly after: K | undefined; readonly limit: number };

export async function insertChargeType(
  knex: Knex,
  row: Pick<ChargeTypeRow, "name" | "description">,
): Promise<ChargeTypeRow> {
  const [inserted] = await knex("charge_types").insert(row).returning("*");
  return inserted;
}

export async function insertProvider(
  knex: Knex,
  row: Pick<ProviderRow, "name" | "display_name">,
): Promise<ProviderRow> {
  const [inserted] = await knex("providers").insert(row).returning("*");
  return inserted;
}

/** @throws DomainError PROVIDER_NOT_FOUND with the nearest names. */
export async function insertModel(
  knex: Knex,
  row: Pick<ModelRow, "provider" | "name">,
): Promise<ModelRow> {
  await requireProvider(knex, row.provider);
  const [inserted] = await knex("models").insert(row).returning("*");
  return inserted;
}

export function listChargeTypes(
  knex: Knex,
  { after, limit }: PageOf<string>,
): Promise<ChargeTypeRow[]> {
  const rows = knex("charge_types").orderBy("name").limit(limit);
  return after === undefined ? rows : rows.where("name", ">", after);
}

/** Returns those of the names that are registered providers. */
export function providersAmong(knex: Knex, names: readonly string[]): Promise<string[]> {
  return knex("providers").whereIn("name", names).pluck("name");
}

/** Returns those of the models that are registered. */
export async function modelsAmong(
  knex: Knex,
  models: readonly { readonly provider: string; readonly model: string }[],
): Promise<{ provider: string; model: string }[]> {
  const { rows } = await knex.raw(
    `
    select models.provider, models.name as model
    from unnest(cast(:providers as text[]), cast(:names as text[])) asked (provider, name)
    join models using (provider, name)`,
    { providers: models.map((each) => each.provider), names: models.map((each) => each.model) },
  );
  return rows;
}

export function listProviders(
  knex: Knex,
  { after, limit }: PageOf<string>,
): Promise<ProviderRow[]> {
  const rows = knex("providers").orderBy("name").limit(limit);
  return after === undefined ? rows : rows.where("name", ">", after);
}

export function listModels(
  knex: Knex,
  provider: string | undefined,
  { after, limit }: PageOf<readonly [provider: string, name: string]>,
): Promise<ModelRow[]> {
  const rows = knex("models").orderBy(["provider", "name"]).limit(limit);
  if (provider !== undefined) rows.where({ provider });
  return after === undefined ? rows : rows.whereRaw("(provider, name) > (:0, :1)", { ...after });
}

/** @throws DomainError CHARGE_TYPE_NOT_FOUND with the nearest names, or STILL_REFERENCED. */
export async function deleteChargeType(knex: Knex, name: string): Promise<void> {
  const removed = await knex("charge_types").where({ name }).delete();
  if (removed === 0) throw await chargeTypeNotFound(knex, name);
}

/** @throws DomainError PROVIDER_NOT_FOUND with the nearest names, or STILL_REFERENCED. */
export async function deleteProvider(knex: Knex, name: string): Promise<void> {
  const removed = await knex("providers").where({ name }).delete();
  if (removed === 0) throw await providerNotFound(knex, name);
}

/** @throws DomainError MODEL_NOT_FOUND with the nearest names, or STILL_REFERENCED. */
export async function deleteModel(knex: Knex, provider: string, name: string): Promise<void> {
  const removed = await knex("models").where({ provider, name }).delete();
  if (removed === 0) throw await modelNotFound(knex, provider, name);
}

/**
 * Locks the names of a key that are no patterns, so that nobody can remove them until the transaction ends.
 *
 * @throws DomainError CHARGE_TYPE_NOT_FOUND, PROVIDER_NOT_FOUND or MODEL_NOT_FOUND.
 */
export async function lockCatalogNames(
  knex: Knex,
  key: Pick<Key, "chargeType" | "provider" | "model">,
): Promise<void> {
  const { chargeType, provider, model } = key;
  // One statement, because all other writers of the price book wait for it.
  const { rows } = await knex.raw(
    `
    select
      :chargeType = '*' or (select true from charge_types where name = :chargeType for key share)
        as charge_type,
      :provider = '*' or (select true from providers where name = :provider for key share)
        as provider,
      :model like '%*' or (
        select true from models
        where provider = :provider and name = :model
        for key share
      ) as model`,
    { chargeType, provider, model },
  );
  const [found] = rows;
  const errors = [
    found.charge_type ? undefined : await chargeTypeNotFound(knex, chargeType),
    found.provider ? undefined : await providerNotFound(knex, provider),
    found.model ? undefined : await modelNotFound(knex, provider, model),
  ].filter((error) => error !== undefined);
  if (errors.length > 0) throw joinMissing(errors);
}

/** Returns one error for all missing names, which says how to register them. Its reason is the first. */
function joinMissing(errors: readonly DomainError[]): DomainError {
  const [first] = errors as [DomainError];
  const missing = errors.map(({ message }) => message).join("; ");
  const calls = errors.map(({ reason }) => registeringCalls[reason as MissingReason]).join(", ");
  const message = `${missing}; register with ${calls}, or import with register_missing`;
  return new DomainError(first.reason, message, { metadata: first.metadata });
}

const registeringCalls = {
  CHARGE_TYPE_NOT_FOUND: "CreateChargeType",
  PROVIDER_NOT_FOUND: "CreateProvider",
  MODEL_NOT_FOUND: "CreateModel",
} satisfies Record<MissingReason, string>;

async function requireProvider(knex: Knex, name: string): Promise<void> {
  const found = await knex("providers").where({ name }).forKeyShare().first("name");
  if (found === undefined) throw await providerNotFound(knex, name);
}

async function chargeTypeNotFound(knex: Knex, name: string): Promise<DomainError> {
  const names = await knex("charge_types").limit(maxCandidates).pluck("name");
  return notFound("CHARGE_TYPE_NOT_FOUND", "charge type", { name }, names);
}

async function providerNotFound(knex: Knex, name: string): Promise<DomainError> {
  const names = await knex("providers").limit(maxCandidates).pluck("name");
  return notFound("PROVIDER_NOT_FOUND", "provider", { name }, names);
}

async function modelNotFound(knex: Knex, provider: string, name: string): Promise<DomainError> {
  const names = await knex("models").where({ provider }).limit(maxCandidates).pluck("name");
  return notFound("MODEL_NOT_FOUND", `model of ${provider}`, { provider, name }, names);
}

type MissingReason = "CHARGE_TYPE_NOT_FOUND" | "PROVIDER_NOT_FOUND" | "MODEL_NOT_FOUND";

function notFound(
  reason: MissingReason,
  noun: string,
  key: Readonly<Record<string, string>> & { readonly name: string },
  names: readonly string[],
): DomainError {
  const { metadata, hint } = nearestNames(key.name, names);
  const message = `no ${noun} is registered as ${key.name}${hint}`;
  return new DomainError(reason, message, { metadata: { ...key, ...metadata } });
}

/** The most names that an error compares with the wrong one. */
const maxCandidates = 2000;
