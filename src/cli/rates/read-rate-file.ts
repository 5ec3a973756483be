import { readFileText } from "./data/file-text.js";
import { readGenaiPrices } from "./genai-prices/read-genai-prices.js";
import { readLiteLlm } from "./litellm/read-litellm.js";
import { readModelsDev } from "./models-dev/read-models-dev.js";
import type { RateFile, RateFileOptions } from "./rate-file.js";
import type { RateSource } from "./rate-sources.js";

/**
 * Reads the published price file of a source: its rate cards, what no card says, and what to look
 * at before an import. The bytes may be compressed by gzip.
 *
 * @throws DomainError INVALID_FIELD if the bytes are not the file of this source.
 */
export function readRateFile(
  source: RateSource,
  bytes: Uint8Array,
  options: RateFileOptions = {},
): RateFile {
  return readers[source](readFileText(bytes), options);
}

const readers: Readonly<Record<RateSource, (text: string, options: RateFileOptions) => RateFile>> =
  {
    litellm: readLiteLlm,
    "genai-prices": readGenaiPrices,
    "models-dev": readModelsDev,
  };
