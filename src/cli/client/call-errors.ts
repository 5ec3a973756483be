import { Code, ConnectError } from "@connectrpc/connect";
import { formatAddress } from "../../config/address.js";
import { DomainError } from "../../domain/domain-error.js";
import { ErrorInfoSchema } from "../../gen/google/rpc/error_details_pb.js";
import { exitCodes, Failure, usageError } from "../exit-codes.js";
import type { ConnectionSettings } from "./client-settings.js";

/** What a person is told of a call that failed. What is no failure of a call stays what it is. */
export function toFailure(error: unknown, settings: ConnectionSettings): unknown {
  if (error instanceof DomainError) return usageError(error.message, error);
  if (!(error instanceof ConnectError)) return error;
  const where = formatAddress(settings.address);
  const said = error.rawMessage;
  const fail = (message: string, exitCode: keyof typeof exitCodes) =>
    new Failure(message, exitCodes[exitCode], { cause: error });
  const isAnswer = error.findDetails(ErrorInfoSchema).length > 0;
  switch (error.code) {
    case Code.Unavailable:
      return fail(isAnswer ? said : unreachable(where, error, settings), "unavailable");
    case Code.DeadlineExceeded: {
      const { timeoutMs } = settings;
      const limit = timeoutMs === undefined ? "in time" : `within ${timeoutMs / 1000} s`;
      return fail(`${where} did not answer ${limit} (--timeout)`, "unavailable");
    }
    case Code.Unauthenticated:
    case Code.PermissionDenied:
      return fail(`${said} (--token, LLMPRICES_TOKEN)`, "unauthorized");
    default:
      return isAnswer || !isOfTransport(error)
        ? fail(said, "rejected")
        : fail(unreachable(where, error, settings), "unavailable");
  }
}

/** No server has answered: the connection failed, or what is there does not speak gRPC. */
function isOfTransport(error: ConnectError): boolean {
  const codes = [Code.Internal, Code.Unknown, Code.Canceled];
  return codes.includes(error.code) || error.cause !== undefined;
}

function unreachable(where: string, error: ConnectError, { tls }: ConnectionSettings): string {
  const said = /wrong version number|packet length too long/.test(error.rawMessage)
    ? "it does not speak TLS; leave out --tls, --ca-file and --cert-file"
    : error.rawMessage;
  const hint =
    tls === undefined && !/ECONNREFUSED|ENOTFOUND|EAI_AGAIN|ETIMEDOUT/.test(said)
      ? "; does it speak TLS (--tls)?"
      : "; is that the service's GRPC_ADDR (--address, LLMPRICES_ADDRESS)?";
  return `cannot reach ${where}: ${said}${hint}`;
}
