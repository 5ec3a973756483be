import type { Instant } from "../../domain/instant.js";
import type { RateCard } from "../../domain/rate-card.js";

/** The projects that publish files of prices. */
export const rateSources = ["litellm", "genai-prices", "models-dev"] as const;

export type RateSource = (typeof rateSources)[number];

export type RateFileOptions = {
  /**
   * Reads entries whose prices are all 0. They are left out by default: such an entry may also
   * stand for a subscription, an own machine, or a price that nobody knows.
   */
  readonly includeFree?: boolean;
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

export const omissionReasons = [
  /** Another name of an entry that the file has too. */
  "ALIAS",
  /** No model: an example, reserved capacity, a bracket of sizes, a fee on top of other prices. */
  "NO_MODEL",
  "NO_PRICE",
  /** All prices are 0, or the price is empty. */
  "FREE",
  /** A unit that is no bucket: characters, images, pixels, queries. */
  "NO_BUCKET",
  /** Another unit for a usage that the card prices already. */
  "ALTERNATIVE_UNIT",
  /** The provider's price is in another currency. The file converts it at a rate of its own. */
  "CONVERTED_CURRENCY",
  /** The provider or the model has a name that keys cannot have. */
  "INVALID_NAME",
  /** Names that are matched by more than equality or their beginning. */
  "NAME_PATTERN",
  /** The entry's identifier is a label: its own rule for names does not match it. */
  "LABEL",
  /**
   * A cache write of 0 or below the input: the price of something else, or one that comes on top.
   */
  "CACHE_WRITE_BELOW_INPUT",
  /** A rate above a size of the input at which the rate of text does not change. */
  "TIER_WITHOUT_INPUT",
  /** The price of output that may be an image's, audio's or video's instead of text's. */
  "OUTPUT_MODALITY",
  /** A condition that rate cards do not have. */
  "CONDITION",
  /** Several values for one bucket under the same conditions. */
  "SEVERAL_VALUES",
  /** Rates of which none is more special, for some requests. */
  "AMBIGUOUS",
  /** A rate below 0, from 10^12 on, or with more than 18 fraction digits. */
  "OUT_OF_RANGE",
  /** No value of the kind that the field has. */
  "MALFORMED",
] as const;

export type OmissionReason = (typeof omissionReasons)[number];

/** Something to look at before an import. The cards contain it. */
export type Note = {
  readonly entry: string;
  readonly field: string;
  readonly kind: NoteKind;
  readonly value: string;
  readonly detail?: string;
};

export const noteKinds = [
  /**
   * A number with the noise of binary floats. The card has 15 digits of it, which removes the
   * noise.
   */
  "FLOAT_NOISE",
  /**
   * A number that does not end within 15 digits: somebody divided or converted the provider's
   * price.
   */
  "FRACTION",
  /** A price that the project has converted from another unit of the provider. */
  "CONVERTED_UNIT",
  "CACHE_READ_ABOVE_INPUT",
  /** A rate that the card does not have above a size of the input from which other rates change. */
  "NO_RATE_ABOVE",
  /** A price of searches that is for each prompt, whatever the number of its searches. */
  "SEARCH_PER_PROMPT",
  /** Some usage is free. Rate cards have no quotas. */
  "FREE_QUOTA",
  /** The prices of a region lack rates, so that those of any region hold there. */
  "REGION_INCOMPLETE",
  /**
   * The rates of any region are those of all regions but `global`, and of requests without a
   * region.
   */
  "GLOBAL_IS_CHEAPER",
  /** Daily windows, although the provider has other prices at weekends. */
  "NO_WEEKDAYS",
  /** The provider does not offer the model any more. */
  "DEPRECATED",
] as const;

export type NoteKind = (typeof noteKinds)[number];
