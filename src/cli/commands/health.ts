import { Code, ConnectError } from "@connectrpc/connect";
import { HealthCheckResponse_ServingStatus as ServingStatus } from "../../gen/health/v1/health_pb.js";
import { withConnection } from "../client/client.js";
import type { ConnectionFlags } from "../client/client-settings.js";
import { exitCodes, Failure } from "../exit-codes.js";
import { type OutputFormat, print } from "../output/print.js";

export type HealthFlags = ConnectionFlags & {
  readonly output: OutputFormat;
  readonly service: string;
};

/** Prints the health status. The exit code is 1 unless it is SERVING. @throws Failure */
export async function runHealth(flags: HealthFlags): Promise<void> {
  const { service, output } = flags;
  const response = await withConnection(flags, ({ health }) =>
    health.check({ service }).catch((error: unknown) => {
      throw ConnectError.from(error).code === Code.NotFound
        ? unknownService(service, error)
        : error;
    }),
  );
  const status = ServingStatus[response.status] ?? String(response.status);
  await print([output === "json" ? JSON.stringify({ service, status }) : status]);
  if (response.status !== ServingStatus.SERVING) process.exitCode = exitCodes.rejected;
}

function unknownService(service: string, cause: unknown): Failure {
  const message = `there is no service ${JSON.stringify(service)} (--service)`;
  return new Failure(message, exitCodes.rejected, { cause });
}
