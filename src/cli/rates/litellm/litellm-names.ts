/** What the key of a LiteLLM entry stands for. */
export type EntryName = {
  readonly provider: string;
  readonly model: string;
  /** The region in the key. Empty: none. */
  readonly region: string;
};

/**
 * Returns provider, model and region of a LiteLLM entry. The provider is the one of its field
 * `litellm_provider`: a key's prefix is not always it, and many keys have none.
 */
export function readEntryName(key: string, litellmProvider: string): EntryName {
  const provider = foldProvider(litellmProvider);
  const prefix = [litellmProvider, provider].find((each) => key.startsWith(`${each}/`));
  const name = prefix === undefined ? key : key.slice(prefix.length + 1);
  const [, region = "", model = ""] = regions[provider]?.exec(name) ?? [];
  return region === "" ? { provider, model: name, region } : { provider, model, region };
}

/** Returns why an entry is no model, or undefined. */
export function notAModelReason(key: string): string | undefined {
  if (key === "sample_spec" || key === "fallback_generalizations") return "describes the file";
  if (/^bedrock\/.*\/\d+-month-commitment\//.test(key)) return "reserved capacity";
  if (/^(?:together-ai|fireworks-ai)-[^/]*$/.test(key)) return "a bracket of sizes";
  if (/^azure(?:_ai)?\/model[-_]router$/.test(key))
    return "a router's fee on top of the model's price";
  return undefined;
}

/** Merges the providers that are one provider with several interfaces. */
function foldProvider(provider: string): string {
  const folded = folds[provider];
  if (folded !== undefined) return folded;
  if (provider.startsWith("vertex_ai")) return "vertex_ai";
  return provider.replace(/^text-completion-/, "").replace(/-embedding-models$/, "");
}

const folds: Readonly<Record<string, string>> = {
  ...{ bedrock_converse: "bedrock", cohere_chat: "cohere", azure_text: "azure" },
};

const awsRegion = /^([a-z]{2}-(?:gov-)?[a-z]+-\d)\/(.+)$/;

/** How names of a provider's models begin with a region. */
const regions: Readonly<Record<string, RegExp>> = {
  azure: /^(us|eu|apac|us-gov|global|global-standard)\/(.+)$/,
  ...{ bedrock: awsRegion, bedrock_mantle: awsRegion },
};
