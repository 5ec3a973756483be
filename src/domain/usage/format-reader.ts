import type { NormalizedUsage } from "./usage.js";
import type { UsageObject } from "./usage-object.js";

/** What a usage object says. The findings are in its report. */
export type UsageReading = Partial<Omit<NormalizedUsage, "findings" | "parts">> &
  Pick<NormalizedUsage, "parts">;

/**
 * Reads the usage objects of one format. `response` is the object that contains it, or has no
 * fields.
 */
export type FormatReader = (usage: UsageObject, response: UsageObject) => UsageReading;
