import type { CallFacts } from "../call/call-facts.js";

/** The counts of an import of prices, or of rate cards. */
type Imported = {
  readonly counts?: Partial<Record<CountName, bigint>> | undefined;
  readonly bookVersion?: bigint | undefined;
};

type CountName =
  | "rowCount"
  | "createdCount"
  | "updatedCount"
  | "unchangedCount"
  | "endedCount"
  | "registeredChargeTypeCount"
  | "registeredProviderCount"
  | "registeredModelCount";

/** Returns what the log line of an import has: its counts, and the book version. */
export function toImportFacts({ counts, bookVersion }: Imported, validateOnly: boolean): CallFacts {
  const registered = [
    counts?.registeredChargeTypeCount,
    counts?.registeredProviderCount,
    counts?.registeredModelCount,
  ];
  return {
    rows: Number(counts?.rowCount ?? 0),
    created: Number(counts?.createdCount ?? 0),
    updated: Number(counts?.updatedCount ?? 0),
    unchanged: Number(counts?.unchangedCount ?? 0),
    ended: Number(counts?.endedCount ?? 0),
    registered: registered.reduce((sum: number, count) => sum + Number(count ?? 0), 0),
    ...(validateOnly && { validate_only: true }),
    book_version: Number(bookVersion),
  };
}
