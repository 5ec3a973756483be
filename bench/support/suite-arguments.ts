import { parseArgs } from "node:util";

/** The parsed command line of a suite. */
export type SuiteArguments = {
  /** Returns whether a part runs: a named part, or every part when none is named. */
  readonly includes: (part: string) => boolean;
  /** Whether only some parts run, because they are named. */
  readonly isPartial: boolean;
  /** Whether `--long` is given. */
  readonly isLong: boolean;
  /** Returns the value of an option, or undefined if it is not given. */
  readonly option: (name: string) => number | undefined;
  /** Returns whether a flag is given. */
  readonly has: (flag: string) => boolean;
};

/**
 * Parses `[PART…] [--FLAG]… [--OPTION NUMBER]…`. `--long` is always a flag. Prints the problem and
 * exits with 2 for any other argument.
 */
export function readSuiteArguments(
  parts: readonly string[],
  allowed: { readonly options?: readonly string[]; readonly flags?: readonly string[] } = {},
): SuiteArguments {
  const { options = [], flags = [] } = allowed;
  const { values, positionals } = parse(options, flags);
  const unknown = positionals.filter((name) => !parts.includes(name));
  if (unknown.length > 0)
    exitWithUsageError(`no such part: ${unknown}; there are ${parts.join(", ")}`);
  const numbers = new Map<string, number>();
  for (const name of options) {
    const text = values[name];
    if (typeof text !== "string") continue;
    if (!/^\d{1,9}(\.\d{1,9})?$/.test(text))
      exitWithUsageError(`--${name} takes a number, not ${text}`);
    numbers.set(name, Number(text));
  }
  return {
    includes: (part) => positionals.length === 0 || positionals.includes(part),
    isPartial: positionals.length > 0,
    isLong: values.long === true,
    option: (name) => numbers.get(name),
    has: (flag) => values[flag] === true,
  };
}

function parse(options: readonly string[], flags: readonly string[]) {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        ...Object.fromEntries(
          ["long", ...flags].map((name) => [name, { type: "boolean" } as const]),
        ),
        ...Object.fromEntries(options.map((name) => [name, { type: "string" } as const])),
      },
    }) as { values: Record<string, string | boolean | undefined>; positionals: string[] };
  } catch (error) {
    return exitWithUsageError((error as Error).message);
  }
}

function exitWithUsageError(problem: string): never {
  console.error(problem);
  process.exit(2);
}
