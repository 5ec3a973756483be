/** What is wrong with the environment: a line for each variable. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** Reads one variable; an empty one is an unset one, and what is wrong with it is noted. */
export type ReadVariable = <T, D extends string | undefined>(
  name: string,
  whenUnset: D,
  expected: string,
  parse: (text: string) => T | undefined,
) => D extends string ? T : T | undefined;

/**
 * What `compose` makes of an environment that it reads variable by variable.
 *
 * @throws ConfigError naming every variable that is wrong, its value and what was expected.
 */
export function readEnvironment<T>(
  environment: Environment,
  compose: (read: ReadVariable, problems: string[]) => T,
): T {
  const problems: string[] = [];
  const result = compose(createReader(environment, problems), problems);
  if (problems.length > 0) throw new ConfigError(problems.join("\n"));
  return result;
}

/** For `read`: what is expected, and its parser. */
function wholeNumber(min: number, max: number) {
  const parse = (text: string) => {
    const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
    return value >= min && value <= max ? value : undefined;
  };
  return [`a whole number from ${min} to ${max}`, parse] as const;
}

/** Reads whole numbers: the name, the value of an unset one, the least and the most. */
export function numberReader(read: ReadVariable) {
  return (name: string, whenUnset: number, min: number, max: number): number =>
    read(name, String(whenUnset), ...wholeNumber(min, max));
}

/** Reads whatever a variable says, for others to look at. */
export function textReader(read: ReadVariable) {
  return (name: string): string | undefined => read(name, undefined, "a text", (text) => text);
}

/** A default that follows another value where that is lower, and is one (of a wrong one is told). */
export function clampDefault(value: number, other: number | undefined): number {
  return Math.min(value, other ?? value);
}

/** For `read`: what is expected, and its parser. */
export function oneOf<const T extends string>(values: readonly T[]) {
  const parse = (text: string) => values.find((value) => value === text);
  return [values.join(", "), parse] as const;
}

/** For `read`: what is expected, and its parser. */
export const trueOrFalse = [
  "true or false",
  (text: string) => (text === "true" || text === "false" ? text === "true" : undefined),
] as const;

/** Reads what the service will read as well, and notes what is wrong with it. */
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
