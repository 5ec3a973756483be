/**
 * Reads a string literal of Python. Returns undefined for prefixes and escapes that data does not
 * have.
 */
export function parsePythonString(literal: string): string | undefined {
  const body = quotes.map((each) => bodyOf(literal, each)).find((each) => each !== undefined);
  if (body === undefined) return undefined;
  let isKnown = true;
  const text = body.replace(escapePattern, (all, code: string) => {
    const hex = /^[xuU]([0-9a-fA-F]+)$/.exec(code)?.[1];
    const point = hex === undefined ? Number.NaN : Number.parseInt(hex, 16);
    const character = point <= 0x10ffff ? String.fromCodePoint(point) : escapes[code];
    isKnown &&= character !== undefined;
    return character ?? all;
  });
  return isKnown ? text : undefined;
}

function bodyOf(literal: string, quote: string): string | undefined {
  const isQuoted =
    literal.length >= 2 * quote.length && literal.startsWith(quote) && literal.endsWith(quote);
  return isQuoted ? literal.slice(quote.length, -quote.length) : undefined;
}

/** The longer ones first: three quotes also begin with one. */
const quotes = ['"""', "'''", '"', "'"];

const escapePattern = /\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[\s\S])/g;

const escapes: Readonly<Record<string, string>> = {
  ...{ "\\": "\\", "'": "'", '"': '"', "\n": "" },
  ...{ n: "\n", t: "\t", r: "\r" },
};
