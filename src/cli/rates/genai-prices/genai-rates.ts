import type { Bucket } from "../../../domain/usage/buckets.js";
import { readFieldRate } from "../cards/field-rates.js";
import { isOpenAiModel } from "../cards/openai-models.js";
import type { FieldRate } from "../cards/rate-checks.js";
import { type Conditions, perMillion } from "../cards/rate-list.js";
import type { Report } from "../cards/report.js";
import {
  argumentsOf,
  asCall,
  isList,
  type PlainData,
  type PlainObject,
  wholeNumberOf,
} from "../data/plain-data.js";

/** A list of prices of genai-prices: the arguments of a `ModelPrice`. */
export type PriceList = PlainObject;

/** The entry whose prices are read, and when they hold. */
export type PriceContext = {
  readonly entry: string;
  readonly model: string;
  /** For reports: the part of the entry. */
  readonly path: string;
  readonly conditions: Conditions;
};

/** Reads the prices of a list that have a bucket. Prices in tiers hold for the whole request. */
export function readPriceList(
  prices: PriceList,
  context: PriceContext,
  report: Report,
): readonly FieldRate[] {
  return [...prices].flatMap(([key, data]) => {
    if (data === null) return [];
    const unit = unitOf(key, context.model);
    const field = `${context.path}${key}`;
    if (unit === undefined) {
      report.omit(context.entry, "NO_BUCKET", { field: key });
      return [];
    }
    if (isRepeated(key, prices)) return [];
    return stepsOf(data).flatMap(({ text, inputAbove }) => {
      const rate = { ...context.conditions, ...unit, inputAbove };
      const price = { entry: context.entry, field, text, places: 0, rate };
      return readFieldRate(price, report) ?? [];
    });
  });
}

/** Returns whether a list has a price with a bucket. */
export function hasBucket(prices: PriceList): boolean {
  return [...prices.keys()].some((key) => unitOf(key, "") !== undefined);
}

type Unit = { readonly bucket: Bucket; readonly per: number };

function unitOf(key: string, model: string): Unit | undefined {
  if (key === "cache_write_mtok") {
    return { bucket: isOpenAiModel(model) ? "CACHE_WRITE_30M" : "CACHE_WRITE_5M", per: perMillion };
  }
  return units.get(key);
}

const units: ReadonlyMap<string, Unit> = new Map([
  ["input_mtok", { bucket: "INPUT", per: perMillion }],
  ["output_mtok", { bucket: "OUTPUT", per: perMillion }],
  ["cache_read_mtok", { bucket: "CACHE_READ", per: perMillion }],
  ["cache_write_5m_mtok", { bucket: "CACHE_WRITE_5M", per: perMillion }],
  ["cache_write_1h_mtok", { bucket: "CACHE_WRITE_1H", per: perMillion }],
  ["input_audio_mtok", { bucket: "INPUT_AUDIO", per: perMillion }],
  ["cache_audio_read_mtok", { bucket: "CACHE_READ_AUDIO", per: perMillion }],
  ["output_audio_mtok", { bucket: "OUTPUT_AUDIO", per: perMillion }],
  ["input_image_mtok", { bucket: "INPUT_IMAGE", per: perMillion }],
  ["cache_image_read_mtok", { bucket: "CACHE_READ_IMAGE", per: perMillion }],
  ["output_image_mtok", { bucket: "OUTPUT_IMAGE", per: perMillion }],
  ["input_video_mtok", { bucket: "INPUT_VIDEO", per: perMillion }],
  ["output_reasoning_mtok", { bucket: "REASONING", per: perMillion }],
  ["web_searches_kcount", { bucket: "WEB_SEARCHES", per: 1000 }],
  ["requests_kcount", { bucket: "REQUESTS", per: 1000 }],
  ["input_document_kpages", { bucket: "PAGES", per: 1000 }],
  // The price of an hour is often no finite decimal for a second.
  ["audio_hours", { bucket: "SECONDS", per: 3600 }],
  ["input_audio_hours", { bucket: "SECONDS", per: 3600 }],
] satisfies readonly (readonly [string, Unit])[]);

/** A price of the seconds of audio may stand in two fields. */
function isRepeated(key: string, prices: PriceList): boolean {
  const same = key === "input_audio_hours" ? prices.get("audio_hours") : undefined;
  return same !== undefined && decimalTextOf(same) === decimalTextOf(prices.get(key));
}

/**
 * Returns the prices by the size of the input: one, or a base price and those of the tiers above
 * it.
 */
function stepsOf(
  data: PlainData,
): readonly { readonly text: string | undefined; readonly inputAbove: number | undefined }[] {
  const tiered = argumentsOf(data, "TieredPrices");
  if (tiered === undefined) return [{ text: decimalTextOf(data), inputAbove: undefined }];
  const tiers = tiered.get("tiers");
  return [
    { text: decimalTextOf(tiered.get("base")), inputAbove: undefined },
    ...(isList(tiers) ? tiers : []).map((each) => {
      const tier = argumentsOf(each, "Tier");
      const inputAbove = wholeNumberOf(tier?.get("start"));
      const text = inputAbove === undefined ? undefined : decimalTextOf(tier?.get("price"));
      return { text, inputAbove };
    }),
  ];
}

function decimalTextOf(data: PlainData | undefined): string | undefined {
  const call = asCall(data);
  const [text] = call?.callee === "Decimal" ? call.positional : [];
  return typeof text === "string" ? text : undefined;
}
