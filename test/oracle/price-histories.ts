import * as fc from "fast-check";

/** A price from an instant on, in plain notation. Null: the price ends. */
export type Step = { readonly at: number; readonly price: string | null };
/** The steps of a key, ascending. */
export type Steps = readonly Step[];

/** The keys of a history, by their numbers. */
export const historyKeys = [0, 1, 2] as const;

/** When something takes effect: 0 is now, -1 to -5 are years long past, 1 to 5 years far ahead. */
export type When = number;

/** One row of an import. */
export type HistoryRow = {
  readonly key: number;
  readonly from: When;
  readonly price: string | null;
  readonly correctPast: boolean;
};

/** One write of a history. */
export type HistoryWrite = { readonly replica: 0 | 1 } & (
  | {
      readonly kind: "create" | "update" | "delete";
      readonly key: number;
      readonly price: string;
      readonly from: When;
      readonly correctPast: boolean;
    }
  | { readonly kind: "cancel"; readonly key: number; readonly from: When }
  | {
      readonly kind: "import";
      readonly rows: readonly HistoryRow[];
      readonly missing: "keep" | "end" | "replace";
      readonly validateOnly: boolean;
      /** How many versions ago the rows were made. Undefined: no base_book_version. */
      readonly versionsAgo: number | undefined;
    }
);

const anyReplica = fc.constantFrom(0 as const, 1 as const);
const anyKey = fc.constantFrom(...historyKeys);
const anyPrice = fc.constantFrom("0", "1", "1.5", "2", "1000");
const anyFuture = fc.integer({ min: 1, max: 5 });
const anyWhen = fc.oneof(
  { weight: 2, arbitrary: fc.constant(0) },
  { weight: 2, arbitrary: anyFuture },
  { weight: 2, arbitrary: fc.integer({ min: -5, max: -1 }) },
);
const mostly = fc.oneof(
  { weight: 7, arbitrary: fc.constant(true) },
  { weight: 1, arbitrary: fc.constant(false) },
);
const rarely = mostly.map((isMostly) => !isMostly);

const anyRow: fc.Arbitrary<HistoryRow> = fc.record({
  key: anyKey,
  from: anyWhen,
  price: fc.oneof({ weight: 4, arbitrary: anyPrice }, { weight: 1, arbitrary: fc.constant(null) }),
  correctPast: mostly,
});

const anyOneKeyWrite = fc.record({
  kind: fc.constantFrom("create" as const, "update" as const, "update" as const, "delete" as const),
  replica: anyReplica,
  key: anyKey,
  price: anyPrice,
  from: anyWhen,
  correctPast: mostly,
});

const anyCancel = fc.record({
  kind: fc.constant("cancel" as const),
  replica: anyReplica,
  key: anyKey,
  from: anyFuture,
});

const anyImport = fc.record({
  kind: fc.constant("import" as const),
  replica: anyReplica,
  missing: fc.constantFrom("keep" as const, "end" as const, "replace" as const, "replace" as const),
  rows: fc.uniqueArray(anyRow, {
    selector: ({ key, from }) => `${key} ${from}`,
    minLength: 1,
    maxLength: 6,
  }),
  validateOnly: rarely,
  versionsAgo: fc.oneof(
    { weight: 4, arbitrary: fc.constant(undefined) },
    { weight: 1, arbitrary: fc.nat(4) },
  ),
});

/** Generates writes of one key each. */
export const anyOneKeyWrites = fc.array(fc.oneof(anyOneKeyWrite, anyOneKeyWrite, anyCancel), {
  maxLength: 24,
});

/** Generates writes, imports among them. */
export const anyWrites: fc.Arbitrary<readonly HistoryWrite[]> = fc.array(
  fc.oneof(anyOneKeyWrite, anyImport, anyCancel),
  { minLength: 1, maxLength: 12 },
);

/** Returns the instant of a time of a history. */
export function instantOf(when: When, now: number): number {
  if (when === 0) return now;
  return Date.UTC((when < 0 ? 2010 : 2100) + when, 0, 1);
}

/** What a version says: the steps of each key. */
type Book = { readonly version: bigint; readonly steps: readonly Steps[] };

/** Keeps what every version of a price book says about every key, as lists. Nothing here is clever. */
export class HistoryBook {
  readonly #books: Book[];

  /** Creates a book whose keys have no history at a version. */
  constructor(version: bigint) {
    this.#books = [{ version, steps: historyKeys.map(() => []) }];
  }

  get version(): bigint {
    return this.#newest.version;
  }

  get versions(): readonly bigint[] {
    return this.#books.map(({ version }) => version);
  }

  /** Returns all steps of a key, as a version says. */
  stepsAt(version: bigint, key: number): Steps {
    return this.#books.findLast((book) => book.version <= version)?.steps[key] ?? [];
  }

  /** Returns the price of a key, or undefined if it has none. */
  priceAt(version: bigint, key: number, at: number) {
    const steps = this.stepsAt(version, key);
    const index = steps.findLastIndex((step) => step.at <= at);
    const found = steps[index];
    if (found === undefined || found.price === null) return undefined;
    return { price: found.price, from: found.at, until: steps[index + 1]?.at };
  }

  /** Returns the keys that the newest version and this one say differently. */
  changedSince(version: bigint): ReadonlySet<number> {
    const books = this.#books.filter((book) => book.version >= version);
    return new Set(
      historyKeys.filter((key) => books.some(({ steps }) => steps[key] !== books[0]?.steps[key])),
    );
  }

  /** Records a version. Keys whose steps are equal keep their list. */
  add(version: bigint, steps: readonly Steps[]): void {
    this.#books.push({ version, steps });
  }

  /**
   * Returns the steps of each key after a write at `now`, or why it is rejected. A key that does not
   * change keeps its list.
   */
  stepsAfter(write: HistoryWrite, now: number): readonly Steps[] | readonly string[] {
    const { steps } = this.#newest;
    if (write.kind === "import") return this.#afterImport(write, now);
    const before = steps[write.key] ?? [];
    const after = this.#afterOne(write, before, now);
    if (isRejected(after)) return after;
    return steps.map((each, key) => (key === write.key ? after : each));
  }

  #afterOne(
    write: Exclude<HistoryWrite, { kind: "import" }>,
    steps: Steps,
    now: number,
  ): Steps | readonly string[] {
    const from = instantOf(write.from, now);
    const later = steps.filter(({ at }) => at > from);
    if (write.kind === "cancel") {
      const index = steps.findIndex(({ at }) => at === from);
      if (index < 0) return ["REVISION_NOT_FOUND", "PRICE_NOT_FOUND"];
      const rest = steps.filter((_, i) => i !== index);
      // An end after no price says nothing.
      const isLoneEnd = (rest[index - 1]?.price ?? null) === null && rest[index]?.price === null;
      return isLoneEnd ? rest.filter((_, i) => i !== index) : rest;
    }
    const isForbidden = from < now && !write.correctPast;
    if (write.kind === "create") {
      // Of two reasons, either is right.
      if (isForbidden && this.#hasHistory(write.key))
        return ["INVALID_FIELD", "PRICE_ALREADY_EXISTS"];
      if (priceAfter(steps, from) !== null) return ["PRICE_ALREADY_EXISTS"];
      const isCorrection = from < now && write.correctPast;
      if (later.some(({ price }) => price !== null) && !isCorrection)
        return ["PRICE_ALREADY_EXISTS"];
      return withStep(steps, { at: from, price: write.price });
    }
    if (write.kind === "update") {
      const updated = steps.findLast(({ at }) => at <= from) ?? steps[0];
      if (isForbidden) return ["INVALID_FIELD", "PRICE_NOT_FOUND"];
      if (updated === undefined || updated.price === null) return ["PRICE_NOT_FOUND"];
      return withStep(steps, { at: from, price: write.price });
    }
    if (isForbidden) return ["INVALID_FIELD", "PRICE_NOT_FOUND"];
    const isPriced = [priceAfter(steps, from), ...later.map(({ price }) => price)];
    if (isPriced.every((price) => price === null)) return ["PRICE_NOT_FOUND"];
    const kept = steps.filter(({ at }) => at < from);
    return priceAfter(kept, from) === null ? kept : [...kept, { at: from, price: null }];
  }

  #afterImport(
    { rows, missing, versionsAgo }: Extract<HistoryWrite, { kind: "import" }>,
    now: number,
  ): readonly Steps[] | readonly string[] {
    const { steps } = this.#newest;
    const after = steps.map((before, key) => {
      const own = rows
        .filter((row) => row.key === key)
        .map((row) => ({ ...row, at: instantOf(row.from, now) }))
        .sort((a, b) => a.at - b.at);
      if (own.length === 0) return missing === "keep" ? before : ended(before, now);
      return this.#afterRows(key, own, before, missing === "replace", now);
    });
    const rejected = after.find(isRejected);
    // Either is right: a row may disagree with the past because its key was changed.
    if (rejected !== undefined)
      return versionsAgo === undefined ? rejected : [...rejected, "BOOK_CHANGED"];
    const next = (after as readonly Steps[]).map((each, key) => sameOr(steps[key] ?? [], each));
    if (versionsAgo !== undefined) {
      const since = this.changedSince(this.base(versionsAgo));
      if (next.some((each, key) => each !== steps[key] && since.has(key))) return ["BOOK_CHANGED"];
    }
    return next;
  }

  /** Returns the version a number of versions ago. */
  base(versionsAgo: number): bigint {
    return this.#books.at(-1 - versionsAgo)?.version ?? (this.#books[0]?.version as bigint);
  }

  #afterRows(
    key: number,
    rows: readonly (HistoryRow & { readonly at: number })[],
    before: Steps,
    isReplaced: boolean,
    now: number,
  ): Steps | readonly string[] {
    const hasHistory = this.#hasHistory(key);
    const lastBegun = rows.findLast(({ at }) => at <= now);
    let steps = before;
    if (isReplaced) {
      steps = before.filter(({ at }) => at <= now || rows.some((row) => row.at === at));
      // The rows are the whole book from now on, and say nothing about now.
      const isUnsaid = lastBegun === undefined && priceAfter(before, now) !== null;
      if (isUnsaid) steps = withStep(steps, { at: now, price: null });
    }
    for (const row of rows) {
      if (row.at < now && hasHistory && !row.correctPast) {
        if (row.price !== priceAfter(before, row.at)) return ["INVALID_FIELD"];
        if (row === lastBegun && row.price !== priceAfter(before, now)) return ["INVALID_FIELD"];
      }
      const exact = steps.find(({ at }) => at === row.at);
      const left = priceAfter(steps, row.at - 1);
      if (exact !== undefined) {
        if (exact.price === row.price) continue;
        steps = steps.filter((step) => step !== exact);
        if (row.price === null && left === null) continue;
      } else {
        // Of a first list and of a schedule every step is written, and else only what differs.
        const isSaid = row.price === left;
        const isListed = row.price !== null && (row.at > now || (row.at < now && !hasHistory));
        if (isSaid && !isListed) continue;
      }
      steps = withStep(steps, { at: row.at, price: row.price });
    }
    return steps;
  }

  #hasHistory(key: number): boolean {
    return this.#books.some(({ steps }) => (steps[key] ?? []).length > 0);
  }

  get #newest() {
    return this.#books.at(-1) as Book;
  }
}

export function isRejected(after: readonly (Steps | Step | string)[]): after is readonly string[] {
  return typeof after[0] === "string";
}

/** Returns the value of the steps at an instant. Null: none. */
export function priceAfter(steps: Steps, at: number): string | null {
  return steps.findLast((step) => step.at <= at)?.price ?? null;
}

function withStep(steps: Steps, step: Step): Steps {
  return [...steps.filter(({ at }) => at !== step.at), step].sort((a, b) => a.at - b.at);
}

function ended(steps: Steps, now: number): Steps {
  const isPriced = steps.some(({ at, price }) => at > now && price !== null);
  const current = priceAfter(steps, now);
  if (current === null && !isPriced) return steps;
  const begun = steps.filter(({ at }) => at <= now);
  return current === null ? begun : [...begun, { at: now, price: null }];
}

function sameOr(before: Steps, after: Steps): Steps {
  return JSON.stringify(before) === JSON.stringify(after) ? before : after;
}
