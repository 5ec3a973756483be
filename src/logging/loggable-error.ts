/** What the log keeps of an error. */
export type LoggedError = {
  readonly type: string;
  readonly message: string;
  /** Of Node, or the SQLSTATE of PostgreSQL. */
  readonly code?: string;
  readonly table?: string;
  readonly constraint?: string;
  /** Where it was made, without the message. */
  readonly stack?: string;
  readonly cause?: LoggedError;
};

/**
 * What may be logged of an error: nothing that holds SQL, or values of rows. PostgreSQL tells rows and
 * statements in `detail`, `where` and `internalQuery`, and Knex in fields of its own; so only fields
 * that are known to be fit are taken. What has been through it, in another thread, stays as it is.
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

/** The frames: before them V8 has the message, or what it was when the error was made. */
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
