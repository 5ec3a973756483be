/** The fields of an error that are logged. */
export type LoggedError = {
  readonly type: string;
  readonly message: string;
  /** The code of Node.js, or the SQLSTATE of PostgreSQL. */
  readonly code?: string;
  readonly table?: string;
  readonly constraint?: string;
  /** The stack frames, without the message. */
  readonly stack?: string;
  readonly cause?: LoggedError;
};

/**
 * Returns the fields of an error that are safe to log: no SQL and no values of rows. PostgreSQL
 * puts these in `detail`, `where` and `internalQuery`, and Knex in its own fields, so only fields
 * known to be safe are copied. Returns an error unchanged that another thread has already
 * converted.
 */
export function toLoggedError(error: unknown): LoggedError {
  return isLoggedError(error) ? error : describe(error, 0);
}

function isLoggedError(error: unknown): error is LoggedError {
  if (typeof error !== "object" || error === null || error instanceof Error) return false;
  const { type, message } = error as Partial<LoggedError>;
  return typeof type === "string" && typeof message === "string";
}

function describe(error: unknown, depth: number): LoggedError {
  if (!(error instanceof Error)) return { type: typeof error, message: "not an error" };
  const { code, table, constraint } = error as Error & Record<string, unknown>;
  const frames = framesOf(error);
  return {
    type: error.name === "Error" ? error.constructor.name : error.name,
    message: error.message,
    ...textFields({ code, table, constraint }),
    ...(frames !== "" && { stack: frames }),
    ...(error.cause !== undefined &&
      depth < maxCauses && { cause: describe(error.cause, depth + 1) }),
  };
}

/** Returns the stack without its first lines, which are the message at the time of creation. */
function framesOf({ stack = "" }: Error): string {
  const from = stack.search(/^ {4}at /m);
  return from < 0 ? "" : stack.slice(from);
}

function textFields(fields: Readonly<Record<string, unknown>>): Record<string, string> {
  const texts = Object.entries(fields).filter(
    (field): field is [string, string] => typeof field[1] === "string",
  );
  return Object.fromEntries(texts);
}

const maxCauses = 5;
