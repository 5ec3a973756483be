/**
 * What price files consist of, before anybody knows what it means. Numbers are texts: a binary
 * float would change prices.
 */
export type PlainData =
  | string
  | boolean
  | null
  | NumberText
  | PlainCall
  | readonly PlainData[]
  | PlainObject;

export type NumberText = { readonly number: string };

/** A call in a Python file, such as `Decimal('1.25')` or `Tier(start=200000, price=…)`. */
export type PlainCall = {
  readonly callee: string;
  readonly positional: readonly PlainData[];
  readonly named: PlainObject;
};

/** In the order of the file. A map, because a key may be `__proto__`. */
export type PlainObject = ReadonlyMap<string, PlainData>;

export function isObject(data: PlainData | undefined): data is PlainObject {
  return data instanceof Map;
}

export function isList(data: PlainData | undefined): data is readonly PlainData[] {
  return Array.isArray(data);
}

/** Returns the text of a number, or undefined. */
export function numberTextOf(data: PlainData | undefined): string | undefined {
  return typeof data === "object" && data !== null && "number" in data ? data.number : undefined;
}

/** Returns the whole number that a text stands for, such as 256000 for `256000.0`, or undefined. */
export function wholeNumberOf(data: PlainData | undefined): number | undefined {
  const number = Number(numberTextOf(data) ?? Number.NaN);
  return Number.isSafeInteger(number) ? number : undefined;
}

/** Returns a call's named arguments if it calls this name, or undefined. */
export function argumentsOf(data: PlainData | undefined, callee: string): PlainObject | undefined {
  const call = asCall(data);
  return call?.callee === callee && call.positional.length === 0 ? call.named : undefined;
}

/** Returns a call, or undefined. */
export function asCall(data: PlainData | undefined): PlainCall | undefined {
  return typeof data === "object" && data !== null && "callee" in data ? data : undefined;
}

/** Nesting of objects and lists that readers accept. Price files have at most 12 levels. */
export const maxDepth = 64;
