/** An error that ends a command: a message for a person, and an exit code for a script. */
export class Failure extends Error {
  override readonly name = "Failure";

  constructor(
    message: string,
    readonly exitCode: ExitCode,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** The exit codes by which scripts distinguish errors. docs/cli.md describes them. */
export const exitCodes = {
  /** The service rejects the call, rows of a file are bad, or the service is not healthy. */
  rejected: 1,
  /** The command line, the environment or a file is wrong. */
  usage: 2,
  /** The service cannot be reached, or does not respond in time. A retry may help. */
  unavailable: 3,
  /** The caller is not authenticated, or its role does not allow the call. */
  unauthorized: 4,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** Creates the error of a wrong command line, environment or file. */
export function usageError(message: string, cause?: unknown): Failure {
  return new Failure(message, exitCodes.usage, { cause });
}
