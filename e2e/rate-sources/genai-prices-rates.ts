import type { PairsByEntry } from "./expectations.js";

/** The rates that models of genai-prices must have, by the day from which they hold. */
export const genaiRates: PairsByEntry = {
  "openai/gpt-4o": {
    "": { INPUT: "2.5", CACHE_READ: "1.25", OUTPUT: "10", WEB_SEARCHES: "10 per 1000" },
    "2026-10-12": {
      ...{ "INPUT priority": "4.25", "CACHE_READ priority": "2.125", "OUTPUT priority": "17" },
    },
    "2026-10-14": { "INPUT batch": "1.25", "OUTPUT batch": "5", "CACHE_READ batch": "1.25" },
  },
  "openai/gpt-5.6-luna": {
    "": { INPUT: "1", CACHE_READ: "0.1", CACHE_WRITE_30M: "1.25", OUTPUT: "6" },
    "2026-07-30": { INPUT: "0.2", CACHE_READ: "0.02", CACHE_WRITE_30M: "0.25" },
  },
  "openai/whisper-1": { "": { SECONDS: "0.36 per 3600" } },
  "anthropic/claude-haiku-5-5": {
    "": {
      ...{ INPUT: "0.1", CACHE_READ: "0.01", CACHE_WRITE_5M: "0.125", CACHE_WRITE_1H: "0.2" },
      ...{ OUTPUT: "0.5", "INPUT >100000": "0.5", "CACHE_READ >100000": "0.05" },
      ...{ "CACHE_WRITE_5M >100000": "0.625", "CACHE_WRITE_1H >100000": "1" },
      "OUTPUT >100000": "2.5",
    },
  },
  "google/gemini-2.5-pro": {
    "": {
      ...{ INPUT: "1.25", CACHE_READ: "0.125", OUTPUT: "10", "INPUT >200000": "2.5" },
      ...{ "CACHE_READ >200000": "0.25", "OUTPUT >200000": "15", WEB_SEARCHES: "35 per 1000" },
    },
    "2026-10-14": { "INPUT batch": "0.625", "OUTPUT batch": "5" },
  },
  "google/gemini-2.5-flash-image": { "": { INPUT: "0.3", OUTPUT: "2.5", OUTPUT_IMAGE: "30" } },
  "x-ai/grok-4.3": {
    "": {
      ...{ INPUT: "1.25", CACHE_READ: "0.2", OUTPUT: "2.5", "INPUT >199999": "2.5" },
      ...{ "CACHE_READ >199999": "0.4", "OUTPUT >199999": "5" },
    },
  },
  "mistral/mistral-large-4": {
    "": { INPUT: "0.68", CACHE_READ: "0.07", OUTPUT: "2.09" },
    "2026-10-20": { INPUT: "1.36", CACHE_READ: "0.14", OUTPUT: "4.18" },
    "2026-10-29": { INPUT: "0.7", CACHE_READ: "0.07", OUTPUT: "2.1" },
  },
  "groq/whisper-large-v3": {
    "": { SECONDS: "0.111 per 3600" },
    "2026-10-14": { "SECONDS batch": "0.0555 per 3600" },
  },
  "perplexity/sonar-pro": { "": { INPUT: "3", OUTPUT: "15", REQUESTS: "14 per 1000" } },
  "deepseek/deepseek-v4-flash": {
    // A published program prices this moment at 0.30: its windows have no date.
    "2026-05-01": { INPUT: "0.14" },
  },
};
