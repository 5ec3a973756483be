import { parseArgs } from "node:util";

/** What the command line of a suite asks for. */
export type SuiteArguments = {
  /** Whether a part runs: one that is named, or every part when none is named. */
  readonly includes: (part: string) => boolean;
  /** Whether parts are named, so that others do not run. */
  readonly isPartial: boolean;
  /** Whether the long form is asked for, by `--long`. */
  readonly isLong: boolean;
  /** Returns the value of an option, if it is given. */
  readonly option: (name: string) => number | undefined;
  /** Whether a flag is given. */
  readonly has: (flag: string) => boolean;
};

/**
 * Reads `[PART…] [--FLAG]… [--OPTION NUMBER]…`, where `--long` is always a flag. Prints the problem and
 * exits with 2 when anything else is given.
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
