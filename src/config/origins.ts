/** The origins of pages that may call the service from a browser, as browsers send them. */
export type Origins = ReadonlySet<string>;

/**
 * Parses origins, separated by commas. Returns undefined when one is not in the form that browsers
 * send (RFC 6454, section 6.2) and would never match: with a path, a default port or `*`.
 */
export function parseOrigins(text: string): Origins | undefined {
  const origins = text.split(",").map((origin) => origin.trim());
  return origins.every(isOrigin) ? new Set(origins) : undefined;
}

function isOrigin(text: string): boolean {
  return /^https?:[^*]*$/.test(text) && URL.canParse(text) && new URL(text).origin === text;
}
