/**
 * Leaves a caller's timeout out of its headers where it is longer than any call's time is here: the
 * libraries' timers would take some of those for none at all. `headers` is changed.
 */
export function dropLongTimeouts(
  headers: {
    readonly get: (name: string) => string | null;
    readonly delete: (name: string) => void;
  },
  longestMs: number,
): void {
  for (const [name, parse] of Object.entries(parsers)) {
    const text = headers.get(name);
    if (text !== null && (parse(text) ?? 0) > longestMs) headers.delete(name);
  }
}

/** Milliseconds; undefined when malformed. At most eight digits and a unit. */
export function parseGrpcTimeout(text: string): number | undefined {
  const [, digits, unit] = /^(\d{1,8})([HMSmun])$/.exec(text) ?? [];
  return unit === undefined ? undefined : Number(digits) * (unitMs[unit] as number);
}

const parsers: Readonly<Record<string, (text: string) => number | undefined>> = {
  "grpc-timeout": parseGrpcTimeout,
  "connect-timeout-ms": (text) => (/^\d{1,10}$/.test(text) ? Number(text) : undefined),
};

const unitMs: Readonly<Record<string, number>> = {
  ...{ H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 1e-3, n: 1e-6 },
};
