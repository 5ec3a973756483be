import { Code, ConnectError } from "@connectrpc/connect";
import { formatAddress } from "../../config/address.js";
import { DomainError } from "../../domain/domain-error.js";
import { ErrorInfoSchema } from "../../gen/google/rpc/error_details_pb.js";
import { exitCodes, Failure, usageError } from "../exit-codes.js";
import type { ConnectionSettings } from "./client-settings.js";

/**
 * Converts the error of a failed call to the message and the exit code that the command ends with.
 * Returns every other error unchanged.
 */
export function toFailure(error: unknown, settings: ConnectionSettings): unknown {
  if (error instanceof DomainError) return usageError(error.message, error);
  if (!(error instanceof ConnectError)) return error;
  const address = formatAddress(settings.address);
  // The flags of a command have the names of the fields, wherever they are in the request.
  const message = error.rawMessage.replaceAll(/(^|; )terms\./g, "$1");
  const fail = (text: string, exitCode: keyof typeof exitCodes) =>
    new Failure(text, exitCodes[exitCode], { cause: error });
  const isFromService = error.findDetails(ErrorInfoSchema).length > 0;
  switch (error.code) {
    case Code.Unavailable:
      return fail(
        isFromService ? message : toUnreachableText(address, error, settings),
        "unavailable",
      );
    case Code.DeadlineExceeded: {
      const { timeoutMs } = settings;
      const limit = timeoutMs === undefined ? "in time" : `within ${timeoutMs / 1000} s`;
      return fail(`${address} did not answer ${limit} (--timeout)`, "unavailable");
    }
    case Code.Unauthenticated:
    case Code.PermissionDenied:
      return fail(`${message} (--token, LLMPRICES_TOKEN)`, "unauthorized");
    default:
      return isFromService || !isTransportError(error)
        ? fail(message, "rejected")
        : fail(toUnreachableText(address, error, settings), "unavailable");
  }
}

/** Returns true for an error after which the same call may succeed. */
export function isTransientError(error: unknown): boolean {
  if (!(error instanceof ConnectError)) return false;
  const isFromService = error.findDetails(ErrorInfoSchema).length > 0;
  const codes = [Code.Unavailable, Code.DeadlineExceeded, Code.ResourceExhausted, Code.Aborted];
  return codes.includes(error.code) || (!isFromService && isTransportError(error));
}

/** Returns true when a call has reached its deadline, or the service's limit. */
export function isDeadlineExceeded(error: unknown): boolean {
  return error instanceof ConnectError && error.code === Code.DeadlineExceeded;
}

/** Returns the reason of an error of the service. */
export function reasonOf(error: unknown): string | undefined {
  if (!(error instanceof ConnectError)) return undefined;
  return error.findDetails(ErrorInfoSchema)[0]?.reason;
}

/** Returns true when the connection failed or the server at the address does not speak gRPC. */
function isTransportError(error: ConnectError): boolean {
  const codes = [Code.Internal, Code.Unknown, Code.Canceled];
  return codes.includes(error.code) || error.cause !== undefined;
}

function toUnreachableText(
  address: string,
  error: ConnectError,
  { tls }: ConnectionSettings,
): string {
  const cause = /wrong version number|packet length too long/.test(error.rawMessage)
    ? "it does not speak TLS; leave out --tls, --ca-file and --cert-file"
    : error.rawMessage;
  const hint =
    tls === undefined && !/ECONNREFUSED|ENOTFOUND|EAI_AGAIN|ETIMEDOUT/.test(cause)
      ? "; does it speak TLS (--tls)?"
      : "; is that the service's GRPC_ADDR (--address, LLMPRICES_ADDRESS)?";
  return `cannot reach ${address}: ${cause}${hint}`;
}
