/** Why a command ends: a line for a person, and an exit code for a script. */
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

/** What scripts can tell apart; docs/cli.md says it in full. */
export const exitCodes = {
  /** The service refuses, rows of a file are bad, or the service is not healthy. */
  rejected: 1,
  /** The command line, the environment or a file is wrong. */
  usage: 2,
  /** The service cannot be reached, or does not answer in time. Trying again may help. */
  unavailable: 3,
  /** The service does not know the caller, or does not let it do this. */
  unauthorized: 4,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** The failure of what a person has written: on the command line or in a file. */
export function usageError(message: string, cause?: unknown): Failure {
  return new Failure(message, exitCodes.usage, { cause });
}
