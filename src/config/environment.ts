import { distance } from "fastest-levenshtein";

/** The problems of the environment, one line for each variable. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** Reads one variable and reports its problem. An empty variable counts as unset. */
export type ReadVariable = <T, D extends string | undefined>(
  name: string,
  whenUnset: D,
  expected: string,
  parse: (text: string) => T | undefined,
) => D extends string ? T : T | undefined;

/**
 * Returns what `compose` reads from an environment.
 *
 * @throws ConfigError naming every variable that is wrong, its value and what was expected.
 */
export function readEnvironment<T>(
  environment: Environment,
  compose: (read: ReadVariable, problems: string[], names: ReadonlySet<string>) => T,
): T {
  const problems: string[] = [];
  const names = new Set<string>();
  const read = createReader(environment, problems);
  const readAndRemember: ReadVariable = (name, ...rest) => {
    names.add(name);
    return read(name, ...rest);
  };
  const result = compose(readAndRemember, problems, names);
  if (problems.length > 0) throw new ConfigError(problems.join("\n"));
  return result;
}

/**
 * Returns a warning for each variable whose name is nearly the name of one that was read: a typing error
 * would silently leave the default.
 */
export function warnOfMisspelled(
  environment: Environment,
  names: ReadonlySet<string>,
): readonly string[] {
  return Object.keys(environment).flatMap((name) => {
    if (names.has(name) || name.length < 6) return [];
    const near = [...names].find((known) => distance(name, known) <= 2);
    return near === undefined ? [] : [`the variable ${name} is ignored; did you mean ${near}?`];
  });
}

/** Returns what is expected and its parser, for `read`. */
function wholeNumber(min: number, max: number) {
  const parse = (text: string) => {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    return value >= min && value <= max ? value : undefined;
  };
  return [`a whole number from ${min} to ${max}`, parse] as const;
}

/** Creates a reader of whole numbers from `min` to `max`. */
export function numberReader(read: ReadVariable) {
  return (name: string, whenUnset: number, min: number, max: number): number =>
    read(name, String(whenUnset), ...wholeNumber(min, max));
}

/** Creates a reader of unparsed text. */
export function textReader(read: ReadVariable) {
  return (name: string): string | undefined => read(name, undefined, "a text", (text) => text);
}

/**
 * Returns the smaller of a default and another setting. Ignores that setting if it is invalid; its
 * own check reports it.
 */
export function clampDefault(value: number, other: number | undefined): number {
  return Math.min(value, other ?? value);
}

/** Returns what is expected and its parser, for `read`. */
export function oneOf<const T extends string>(values: readonly T[]) {
  const parse = (text: string) => values.find((value) => value === text);
  return [values.join(", "), parse] as const;
}

/** What is expected and its parser, for `read`. */
export const trueOrFalse = [
  "true or false",
  (text: string) => (text === "true" || text === "false" ? text === "true" : undefined),
] as const;

/** Reads what the service will read later, only to report its problem now. */
export function collectProblem(read: () => unknown, problems: string[]): void {
  try {
    read();
  } catch (error) {
    problems.push((error as Error).message);
  }
}

const secrets: ReadonlySet<string> = new Set([
  "AUTH_JWKS_URL",
  "DATABASE_URL",
  "OTEL_EXPORTER_OTLP_ENDPOINT",
  "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
]);

function createReader(environment: Environment, problems: string[]): ReadVariable {
  return function read<T, D extends string | undefined>(
    name: string,
    whenUnset: D,
    expected: string,
    parse: (text: string) => T | undefined,
  ): D extends string ? T : T | undefined {
    type Result = D extends string ? T : T | undefined;
    const text = environment[name] || whenUnset;
    if (text === undefined) return undefined as Result;
    const value = parse(text);
    if (value === undefined) {
      const shown = secrets.has(name) ? "(not shown)" : JSON.stringify(text);
      problems.push(`${name} is ${shown}; expected ${expected}`);
    }
    return value as Result;
  };
}
