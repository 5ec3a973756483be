import { parseArgs } from "node:util";

/** What the command line of a suite asks for. */
export type SuiteArguments = {
  /** Whether a part runs: one that is named, or every part when none is named. */
  readonly includes: (part: string) => boolean;
  /** Whether parts are named, so that others do not run. */
  readonly isPartial: boolean;
  /** Whether `--long` asks for the long form. */
  readonly isLong: boolean;
  /** Returns the value of an option, if it is given. */
  readonly option: (name: string) => number | undefined;
};

/**
 * Reads `[PART…] [--long] [--OPTION NUMBER]…`. Prints what is allowed and exits with 2 when anything
 * else is given.
 */
export function readSuiteArguments(
  parts: readonly string[],
  options: readonly string[] = [],
): SuiteArguments {
  const { values, positionals } = parse(options);
  const unknown = positionals.filter((name) => !parts.includes(name));
  if (unknown.length > 0) refuse(`no such part: ${unknown}; there are ${parts.join(", ")}`);
  const numbers = new Map<string, number>();
  for (const name of options) {
    const text = values[name];
    if (typeof text !== "string") continue;
    if (!/^\d{1,9}(\.\d{1,9})?$/.test(text)) refuse(`--${name} takes a number, not ${text}`);
    numbers.set(name, Number(text));
  }
  return {
    includes: (part) => positionals.length === 0 || positionals.includes(part),
    isPartial: positionals.length > 0,
    isLong: values.long === true,
    option: (name) => numbers.get(name),
  };
}

function parse(options: readonly string[]) {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        long: { type: "boolean" },
        ...Object.fromEntries(options.map((name) => [name, { type: "string" } as const])),
      },
    }) as { values: Record<string, string | boolean | undefined>; positionals: string[] };
  } catch (error) {
    return refuse((error as Error).message);
  }
}

function refuse(problem: string): never {
  console.error(problem);
  process.exit(2);
}
