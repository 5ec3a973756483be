/**
 * Deletes a client's timeout from `headers` if it is longer than any call may take (`longestMs`).
 * The libraries' timers would treat some of these timeouts as no time at all.
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

/**
 * Returns what is wrong with the timeout of a call, if anything. Connect finds that too, but only
 * after it has started to read the message.
 */
export function malformedTimeoutReason(
  headers: { readonly get: (name: string) => string | null },
  contentType: string,
): string | undefined {
  const { name, text, timeoutMs } = readTimeout(headers, contentType);
  if (text === null || timeoutMs !== undefined) return undefined;
  return `${name} is malformed; expected ${expectations[name]}`;
}

/** Returns the timeout of a call in milliseconds. Undefined: none, or a malformed one. */
export function timeoutOf(headers: {
  readonly get: (name: string) => string | null;
}): number | undefined {
  return readTimeout(headers, headers.get("content-type") ?? "").timeoutMs;
}

function readTimeout(
  headers: { readonly get: (name: string) => string | null },
  contentType: string,
) {
  const name = contentType.startsWith("application/grpc") ? "grpc-timeout" : "connect-timeout-ms";
  const text = headers.get(name);
  return { name, text, timeoutMs: text === null ? undefined : parsers[name]?.(text) };
}

/** Parses a `grpc-timeout` of at most eight digits and a unit. Returns milliseconds, or undefined. */
export function parseGrpcTimeout(text: string): number | undefined {
  const [, digits, unit] = /^(\d{1,8})([HMSmun])$/.exec(text) ?? [];
  return unit === undefined ? undefined : Number(digits) * (unitMs[unit] as number);
}

const parsers: Readonly<Record<string, (text: string) => number | undefined>> = {
  "grpc-timeout": parseGrpcTimeout,
  "connect-timeout-ms": (text) => (/^\d{1,10}$/.test(text) ? Number(text) : undefined),
};

const expectations: Readonly<Record<string, string>> = {
  "grpc-timeout": "at most 8 digits and a unit: H, M, S, m, u or n",
  "connect-timeout-ms": "at most 10 digits",
};

const unitMs: Readonly<Record<string, number>> = {
  ...{ H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 1e-3, n: 1e-6 },
};
