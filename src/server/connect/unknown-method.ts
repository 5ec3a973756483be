import type { DescService } from "@bufbuild/protobuf";
import { DomainError } from "../../domain/domain-error.js";
import { rpcName } from "../calls/call-log.js";
import { services } from "../calls/service-names.js";

/**
 * Returns the name of a path's RPC in the log and in metrics. Unknown paths share a name. Otherwise
 * unauthenticated callers could create any number of time series.
 */
export function rpcOf(path: string): string {
  const rpc = path.slice(1);
  if (rpcs.has(rpc)) return rpc;
  const service = findService(path);
  return service === undefined ? other : `${service.typeName}/${other}`;
}

/** Returns whether a path is the path of a method of the API. */
export function isKnownMethod(path: string): boolean {
  return rpcs.has(path.slice(1));
}

/** Returns the error for an unknown path. Its message names the known services or methods. */
export function unimplemented(path: string): DomainError {
  const service = findService(path);
  if (service === undefined) {
    const paths = services.map(({ typeName }) => `/${typeName}/...`).join(" or ");
    return unsupported(`nothing is served at ${quote(path)}; expected ${paths}`);
  }
  const method = quote(path.slice(service.typeName.length + 2));
  const names = service.methods.map(({ name }) => name).join(", ");
  return unsupported(`${service.typeName} has no method ${method}; expected one of ${names}`);
}

/** Returns the error for an unsupported content type. */
export function wrongType(type: string, expected: readonly string[]): DomainError {
  const what = type === "" ? "missing" : quote(type);
  return unsupported(`content-type is ${what}; expected ${expected.join(", ")}`);
}

/** Returns an error with the reason UNSUPPORTED. */
export function unsupported(message: string): DomainError {
  return new DomainError("UNSUPPORTED", message);
}

/** Quotes text of a client for one line: at most 100 characters, all of them visible ASCII. */
export function quote(text: string): string {
  const visible = text.replaceAll(/[^ -~]|"/g, "?");
  return `"${visible.length <= maxQuoted ? visible : `${visible.slice(0, maxQuoted - 3)}...`}"`;
}

function findService(path: string): DescService | undefined {
  return services.find(({ typeName }) => path.startsWith(`/${typeName}/`));
}

const rpcs: ReadonlySet<string> = new Set(services.flatMap(({ methods }) => methods.map(rpcName)));
/** The name of unknown methods in OpenTelemetry's semantic conventions. */
const other = "_OTHER";
const maxQuoted = 100;
