import type { Instant } from "../../domain/instant.js";
import type { RateCard } from "../../domain/rate-card.js";

export type RateFileOptions = {
  /**
   * Reads entries whose prices are all 0. They are left out by default: such an entry may also
   * stand for a subscription, an own machine, or a price that nobody knows.
   */
  readonly includeFree?: boolean;
  /** Reads only the entries of this provider, by the name that it has in the file. */
  readonly provider?: string | undefined;
};

/** What a file says, as rate cards, and everything in it that no card says. */
export type RateFile = {
  readonly cards: readonly PublishedCard[];
  readonly omitted: readonly Omission[];
  readonly notes: readonly Note[];
};

/** The rate cards of one name of a model, from the earliest on. */
export type PublishedCard = {
  /**
   * The key of the entry in the file. Several names of a model, or several entries, may be one
   * card.
   */
  readonly entry: string;
  readonly provider: string;
  /** A name, or with a final `*` the beginning of names. */
  readonly model: string;
  readonly revisions: readonly PublishedRevision[];
};

export type PublishedRevision = {
  /** Undefined: the file gives no date, so the card holds from its import on. */
  readonly effectiveFrom: Instant | undefined;
  /** Undefined: the price ends here, at the model's date of deprecation. That date may be past. */
  readonly card: RateCard | undefined;
};

/** An entry, or a field of an entry, that is in no card. */
export type Omission = {
  /** The key of the entry in the file. */
  readonly entry: string;
  /** Undefined: the whole entry. */
  readonly field?: string;
  readonly reason: OmissionReason;
  readonly detail?: string;
};

/** Why something is left out, for people. */
export const omissionReasons = {
  ALIAS: "another name of an entry that the file has too",
  NO_MODEL:
    "no model: an example, reserved capacity, a bracket of sizes, a fee on top of other prices",
  NO_PRICE: "it has no price",
  FREE: "all prices are 0, or the price is empty",
  NO_BUCKET: "a unit that is no bucket: characters, images, pixels, queries",
  ALTERNATIVE_UNIT: "another unit for a usage that the card prices already",
  CONVERTED_CURRENCY:
    "the provider's price is in another currency, which the file converts at a rate of its own",
  INVALID_NAME: "the provider or the model has a name that keys cannot have",
  NAME_PATTERN: "names that are matched by more than equality or their beginning",
  LABEL: "the entry's identifier is a label: its own rule for names does not match it",
  CACHE_WRITE_BELOW_INPUT:
    "a cache write of 0 or below the input: the price of something else, or one that comes on top",
  TIER_WITHOUT_INPUT: "a rate above a size of the input at which the rate of text does not change",
  OUTPUT_MODALITY:
    "the price of output that may be an image's, audio's or video's instead of text's",
  CONDITION: "a condition that rate cards do not have",
  SEVERAL_VALUES: "several values for one bucket under the same conditions",
  AMBIGUOUS: "rates of which none is more special, for some requests",
  OUT_OF_RANGE: "a rate below 0, from 10^12 on, or with more than 18 fraction digits",
  MALFORMED: "no value of the kind that the field has",
} as const;

export type OmissionReason = keyof typeof omissionReasons;

/** Something to look at before an import. The cards contain it. */
export type Note = {
  readonly entry: string;
  readonly field: string;
  readonly kind: NoteKind;
  readonly value: string;
  readonly detail?: string;
};

/** What to look at, for people. */
export const noteKinds = {
  FLOAT_NOISE:
    "a number with the noise of binary floats; the card has 15 digits of it, which removes the noise",
  FRACTION:
    "a number that does not end within 15 digits: somebody divided or converted the provider's price",
  CONVERTED_UNIT: "a price that the project has converted from another unit of the provider",
  CACHE_READ_ABOVE_INPUT: "a cache read costs more than uncached input",
  NO_RATE_ABOVE:
    "a rate that the card does not have above a size of the input from which other rates change",
  SEARCH_PER_PROMPT:
    "a price of searches that is for each prompt, whatever the number of its searches",
  FREE_QUOTA: "some usage is free, and rate cards have no quotas",
  REGION_INCOMPLETE: "the prices of a region lack rates, so that those of any region hold there",
  GLOBAL_IS_CHEAPER:
    "the rates of any region are those of all regions but `global`, and of requests without a region",
  NO_WEEKDAYS: "daily windows, although the provider has other prices at weekends",
  DEPRECATED: "the provider does not offer the model any more",
} as const;

export type NoteKind = keyof typeof noteKinds;

/** Whether the options ask for an entry of this provider. */
export function isOfProvider({ provider }: RateFileOptions, name: string): boolean {
  return provider === undefined || provider === name;
}
