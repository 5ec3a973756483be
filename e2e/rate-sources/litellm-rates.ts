import type { PairsByEntry } from "./expectations.js";

/** The rates that entries of LiteLLM must have. */
export const litellmRates: PairsByEntry = {
  "gpt-4o": {
    "": {
      ...{ INPUT: "2.5", CACHE_READ: "1.25", OUTPUT: "10", "INPUT batch": "1.25" },
      ...{ "OUTPUT batch": "5", "INPUT priority": "4.25", "CACHE_READ priority": "2.125" },
      "OUTPUT priority": "17",
    },
  },
  "gpt-5.5": {
    "": {
      ...{ INPUT: "5", CACHE_READ: "0.5", OUTPUT: "30", "INPUT >272000": "10" },
      ...{ "CACHE_READ >272000": "1", "OUTPUT >272000": "45", "INPUT priority": "12.5" },
      ...{ "CACHE_READ priority": "1.25", "OUTPUT priority": "75" },
    },
  },
  "claude-haiku-5-5": {
    "": {
      ...{ INPUT: "0.1", CACHE_READ: "0.01", CACHE_WRITE_5M: "0.125", CACHE_WRITE_1H: "0.2" },
      ...{ OUTPUT: "0.5", "INPUT >100000": "0.5", "CACHE_READ >100000": "0.05" },
      ...{ "CACHE_WRITE_5M >100000": "0.625", "CACHE_WRITE_1H >100000": "1" },
      ...{ "OUTPUT >100000": "2.5", "INPUT us": "0.11", "OUTPUT us >100000": "2.75" },
    },
  },
  "gemini/gemini-2.5-pro": {
    "": {
      ...{ INPUT: "1.25", CACHE_READ: "0.125", OUTPUT: "10", "INPUT >200000": "2.5" },
      ...{ "CACHE_READ >200000": "0.25", "OUTPUT >200000": "15", "INPUT batch": "0.625" },
      ...{ "CACHE_READ batch": "0.125", "OUTPUT batch": "5", "INPUT flex": "0.625" },
      ...{ "CACHE_READ flex": "0.125", "OUTPUT flex": "5", "INPUT priority": "2.25" },
      ...{ "CACHE_READ priority": "0.225", "OUTPUT priority": "18" },
    },
  },
  "xai/grok-4.3": {
    "": {
      ...{ INPUT: "1.25", CACHE_READ: "0.2", OUTPUT: "2.5", "INPUT >199999": "2.5" },
      ...{ "CACHE_READ >199999": "0.4", "OUTPUT >199999": "5", "INPUT batch": "1" },
      ...{ "CACHE_READ batch": "0.16", "OUTPUT batch": "2" },
    },
  },
  "dashscope/qwen-plus-latest": {
    "": {
      ...{ INPUT: "0.4", OUTPUT: "1.2", REASONING: "4", "INPUT >256000": "1.2" },
      ...{ "OUTPUT >256000": "3.6", "REASONING >256000": "12" },
    },
  },
  "us.anthropic.claude-sonnet-4-5-20250929-v1:0": {
    "": {
      ...{ INPUT: "3.3", CACHE_READ: "0.33", CACHE_WRITE_5M: "4.125", CACHE_WRITE_1H: "6.6" },
      ...{ OUTPUT: "16.5", "INPUT >200000": "6.6", "CACHE_READ >200000": "0.66" },
      ...{ "CACHE_WRITE_5M >200000": "8.25", "CACHE_WRITE_1H >200000": "13.2" },
      ...{ "OUTPUT >200000": "24.75", "INPUT batch": "1.65", "OUTPUT batch": "8.25" },
    },
  },
  "novita/deepseek/deepseek-v4-pro": {
    "": { INPUT: "1.6", CACHE_READ: "0.135", OUTPUT: "3.2" },
  },
  "gpt-image-1": {
    "": {
      ...{ INPUT: "5", CACHE_READ: "1.25", INPUT_IMAGE: "10", CACHE_READ_IMAGE: "2.5" },
      OUTPUT_IMAGE: "40",
    },
  },
  "mistral/mistral-ocr-latest": {
    "": { PAGES: "0.004 per 1", "PAGES batch": "0.002 per 1" },
  },
};

/** The rates that they must not have. */
export const litellmAbsent: Readonly<Record<string, readonly string[]>> = {
  "gpt-4o": ["CACHE_READ batch"],
  "gpt-5.5": ["INPUT priority >272000", "OUTPUT priority >272000"],
  "gpt-image-1": ["OUTPUT"],
};
