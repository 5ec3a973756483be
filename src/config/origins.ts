/** The origins of pages that may call us from a browser, each as browsers send it. */
export type Origins = ReadonlySet<string>;

/**
 * Reads origins, separated by commas. Undefined when one is not written as browsers write it (RFC
 * 6454, section 6.2), because it would never match: a path, a default port, `*`.
 */
export function parseOrigins(text: string): Origins | undefined {
  const origins = text.split(",").map((origin) => origin.trim());
  return origins.every(isOrigin) ? new Set(origins) : undefined;
}

function isOrigin(text: string): boolean {
  return /^https?:[^*]*$/.test(text) && URL.canParse(text) && new URL(text).origin === text;
}
