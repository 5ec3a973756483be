import type { CacheWrites } from "./cache-writes.js";
import type { BucketCounts } from "./usage-part.js";
import { type Count, noCount, type UsageReport } from "./usage-report.js";

/** Tokens by modality. All others are text, and documents are text too. */
export type ModalityCounts = {
  readonly audio?: Count | undefined;
  readonly image?: Count | undefined;
  readonly video?: Count | undefined;
};

/** The input tokens of a request in a format whose total contains all the others. */
export type InputTokens = {
  readonly total: Count;
  readonly modalities?: ModalityCounts | undefined;
  readonly cached?: Count | undefined;
  /** Undefined: the object does not state the modalities of cached tokens. */
  readonly cachedModalities?: ModalityCounts | undefined;
  /** Their modalities are never stated. */
  readonly written?: CacheWrites | undefined;
};

/** Splits input tokens into disjoint buckets. */
export function splitInput(input: InputTokens, report: UsageReport): BucketCounts {
  const { total, cached = noCount, written = noWrites } = input;
  const { audio = noCount, image = noCount, video = noCount } = input.modalities ?? {};
  report.checkWithin([cached, written.all], total);
  report.checkWithin([audio, image, video], total);
  const [a, i, v] = [audio.value, image.value, video.value];
  const rest = { text: total.value - a - i - v, audio: a, image: i, video: v };
  const cachedParts =
    input.cachedModalities === undefined
      ? takeCached(rest, cached, total, report)
      : takeStated(rest, cached, { audio, image, video }, input.cachedModalities, report);
  takeTextFirst(rest, written.all.value, written.all, report);
  return {
    INPUT: rest.text,
    INPUT_AUDIO: rest.audio,
    INPUT_IMAGE: rest.image,
    INPUT_VIDEO: rest.video,
    // Cached video has no bucket: providers publish one cached rate for text and video.
    CACHE_READ: cachedParts.text + cachedParts.video,
    CACHE_READ_AUDIO: cachedParts.audio,
    CACHE_READ_IMAGE: cachedParts.image,
    CACHE_WRITE_5M: written.buckets.CACHE_WRITE_5M,
    CACHE_WRITE_30M: written.buckets.CACHE_WRITE_30M,
    CACHE_WRITE_1H: written.buckets.CACHE_WRITE_1H,
    CACHE_WRITE_12H: written.buckets.CACHE_WRITE_12H,
  };
}

type Modality = "text" | "audio" | "image" | "video";
type Tokens = Record<Modality, bigint>;

/** Takes cached tokens whose modalities are stated out of `rest`. */
function takeStated(
  rest: Tokens,
  cached: Count,
  all: Required<ModalityCounts>,
  { audio = noCount, image = noCount, video = noCount }: ModalityCounts,
  report: UsageReport,
): Tokens {
  report.checkWithin([audio, image, video], cached);
  report.checkWithin([audio], all.audio ?? noCount);
  report.checkWithin([image], all.image ?? noCount);
  report.checkWithin([video], all.video ?? noCount);
  const [a, i, v] = [audio.value, image.value, video.value];
  const taken = { text: cached.value - a - i - v, audio: a, image: i, video: v };
  if (taken.text > rest.text && rest.text >= 0n) {
    report.reject(
      cached.path,
      `has ${taken.text} tokens of text; allowed: at most the ${rest.text} of the input`,
    );
  }
  for (const modality of modalities) rest[modality] -= taken[modality];
  reportVideo(taken.video, cached, report);
  return taken;
}

/** Takes cached tokens whose modalities are not stated out of `rest`. */
function takeCached(rest: Tokens, cached: Count, total: Count, report: UsageReport): Tokens {
  const isAmbiguous = rest.text < total.value && cached.value > 0n && cached.value < total.value;
  const taken = takeTextFirst(rest, cached.value, cached, report);
  if (isAmbiguous) {
    report.find(
      "MODALITY_UNKNOWN",
      cached.path,
      cached.value,
      `is ${cached.value} tokens of a modality that is not stated; ${taken.text} count as text`,
    );
  }
  reportVideo(taken.video, cached, report);
  return taken;
}

/**
 * Takes tokens of unknown modalities out of `rest`: as text while there is text, since that is what
 * prompts begin with and what caches hold most. More tokens than text must have another modality;
 * if there are several, and not all of their tokens are taken, nothing says which one.
 */
function takeTextFirst(rest: Tokens, amount: bigint, count: Count, report: UsageReport): Tokens {
  const taken: Tokens = { text: 0n, audio: 0n, image: 0n, video: 0n };
  if (amount <= rest.text) {
    rest.text -= amount;
    taken.text = amount;
    return taken;
  }
  const others = modalities.filter((each) => each !== "text" && rest[each] > 0n);
  const isAll = amount >= rest.text + rest.audio + rest.image + rest.video;
  // Less than 0 has been rejected.
  if (others.length > 1 && !isAll && rest.text >= 0n) {
    report.reject(
      count.path,
      `is ${count.value}, more than the tokens of text, and nothing states how many of them are ` +
        `${others.join(", ")}; allowed: at most the ${rest.text} tokens of text`,
    );
  }
  let missing = amount;
  for (const modality of modalities) {
    const part = rest[modality] < missing ? rest[modality] : missing;
    rest[modality] -= part;
    taken[modality] = part;
    missing -= part;
  }
  return taken;
}

function reportVideo(video: bigint, cached: Count, report: UsageReport): void {
  if (video === 0n) return;
  const problem = `has ${video} tokens of video, for which there is no bucket; they count as text`;
  report.find("MODALITY_UNKNOWN", cached.path, video, problem);
}

const modalities = ["text", "audio", "image", "video"] as const;
const noWrites: CacheWrites = {
  all: noCount,
  buckets: { CACHE_WRITE_5M: 0n, CACHE_WRITE_30M: 0n, CACHE_WRITE_1H: 0n, CACHE_WRITE_12H: 0n },
};
