import { Code, ConnectError } from "@connectrpc/connect";
import pLimit from "p-limit";
import { type Connection, withConnection } from "../client/client.js";
import type { ConnectionFlags } from "../client/client-settings.js";
import { allPages } from "../client/list-all.js";
import { type FileFormat, formatOf } from "../files/format.js";
import { openInputFile } from "../files/input-file.js";
import { type ReadFlags, toReadOptions } from "../files/read-options.js";
import { print } from "../output/print.js";
import { createProgress, formatCount } from "../output/progress.js";
import { type CatalogNames, readCatalogNames } from "../rows/catalog-rows.js";

export type ImportCatalogFlags = ConnectionFlags &
  ReadFlags & {
    readonly format?: FileFormat;
    readonly reason?: string;
    readonly quiet?: boolean;
  };

/**
 * Registers the providers and models of a file that the service does not know. Makes one call for
 * each name, so an interrupted command can be run again.
 *
 * @throws Failure when a row is bad, before any name is registered.
 */
export async function runImportCatalog(file: string, flags: ImportCatalogFlags): Promise<void> {
  const inputFile = await openInputFile(file);
  const names = await readCatalogNames(
    ...([inputFile, formatOf(file, flags.format), toReadOptions(inputFile, flags)] as const),
  );
  const listed = countOf(names);
  await withConnection(flags, async (connection) => {
    await removeKnownModels(connection, names);
    const isQuiet = flags.quiet === true;
    const total = countOf(names).models;
    const progress = createProgress({ verb: "registered", total, isQuiet });
    try {
      const { providers, models } = await register(connection, names, flags, (rows) =>
        progress.update({ rows, part: rows }),
      );
      progress.stop();
      await print([
        `registered ${formatCount(providers)} providers and ${formatCount(models)} models; ` +
          `known already: ${formatCount(listed.providers - providers)} and ${formatCount(listed.models - models)}`,
      ]);
    } finally {
      progress.stop();
    }
  });
}

function countOf(names: CatalogNames) {
  const models = [...names.values()].reduce((sum, { size }) => sum + size, 0);
  return { providers: names.size, models };
}

/** Removes the models that the service knows. A known provider stays: it may have new models. */
async function removeKnownModels({ catalog }: Connection, names: CatalogNames): Promise<void> {
  for await (const { models } of allPages((page) => catalog.listModels(page))) {
    for (const { provider, name } of models) names.get(provider)?.delete(name);
  }
}

/** Returns how many names it registered, without those that another client registered meanwhile. */
async function register(
  { catalog }: Connection,
  names: CatalogNames,
  { reason = "" }: ImportCatalogFlags,
  onModels: (count: number) => void,
) {
  const limit = pLimit(concurrency);
  const known = await knownProviders(catalog);
  const missing = [...names.keys()].filter((name) => !known.has(name));
  const providers = await limit.map(missing, (name) =>
    isNew(catalog.createProvider({ name, reason })),
  );
  let models = 0;
  const pairs = [...names].flatMap(([provider, modelNames]) =>
    [...modelNames].map((name) => ({ provider, name, reason })),
  );
  await limit.map(pairs, async (pair) => {
    if (await isNew(catalog.createModel(pair))) models += 1;
    onModels(models);
  });
  return { providers: providers.filter(Boolean).length, models };
}

async function knownProviders(catalog: Connection["catalog"]): Promise<ReadonlySet<string>> {
  const known = new Set<string>();
  for await (const { providers } of allPages((page) => catalog.listProviders(page))) {
    for (const { name } of providers) known.add(name);
  }
  return known;
}

async function isNew(created: Promise<unknown>): Promise<boolean> {
  try {
    await created;
    return true;
  } catch (error) {
    if (ConnectError.from(error).code === Code.AlreadyExists) return false;
    throw error;
  }
}

const concurrency = 16;
