import { quote } from "../../domain-error.js";
import type { ModalityCounts } from "../input-tokens.js";
import type { UsageObject } from "../usage-object.js";
import { type Count, sumOf } from "../usage-report.js";
import { findName } from "./gemini-names.js";

/**
 * Reads a list of `ModalityTokenCount`, which should sum to `total`. Undefined: the list states
 * nothing.
 */
export function readModalities(
  usage: UsageObject,
  listName: string,
  total: Count,
): ModalityCounts | undefined {
  const items = usage.list(listName);
  if (items.length === 0) return undefined;
  const [text, audio, image, video]: Count[][] = [[], [], [], []];
  const lists = { TEXT: text, DOCUMENT: text, AUDIO: audio, IMAGE: image, VIDEO: video };
  const all = items.map((item) => {
    const tokens = item.count(findName(item, "tokenCount"));
    const modality = item.word("modality")?.toUpperCase() ?? unspecified;
    const list = lists[modality as keyof typeof lists];
    if (list === undefined && modality !== unspecified) reportUnknown(item, modality, tokens);
    list?.push(tokens);
    return tokens;
  });
  usage.report.checkSum(total, all);
  return { audio: sum(audio), image: sum(image), video: sum(video) };
}

function sum(counts: readonly Count[] | undefined): Count | undefined {
  const [first] = counts ?? [];
  return first && { path: first.path, value: sumOf(counts ?? []), isStated: true };
}

function reportUnknown({ report }: UsageObject, modality: string, { path, value }: Count): void {
  const problem = `is ${value} tokens of ${quote(modality)}, which is unknown; they count as text`;
  report.find("MODALITY_UNKNOWN", path, value, problem);
}

/** Google's SDK says that an unspecified modality is text. */
const unspecified = "MODALITY_UNSPECIFIED";
