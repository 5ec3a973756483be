import type { DescService } from "@bufbuild/protobuf";
import { DomainError } from "../../domain/domain-error.js";
import { rpcName } from "../calls/call-log.js";
import { services } from "../calls/service-names.js";

/**
 * What a call of whatever path is called in the log and in metrics. Paths that nothing is served at
 * share a name, or strangers could have a series made of each they think of.
 */
export function rpcOf(path: string): string {
  const rpc = path.slice(1);
  if (rpcs.has(rpc)) return rpc;
  const service = findService(path);
  return service === undefined ? other : `${service.typeName}/${other}`;
}

/** Whether a path is one of our methods. */
export function isKnownMethod(path: string): boolean {
  return rpcs.has(path.slice(1));
}

/** The refusal of a path that nothing is served at. It names what is. */
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

/** The refusal of a content type. */
export function wrongType(type: string, expected: readonly string[]): DomainError {
  const what = type === "" ? "missing" : quote(type);
  return unsupported(`content-type is ${what}; expected ${expected.join(", ")}`);
}

/** The refusal of what the service does not do. */
export function unsupported(message: string): DomainError {
  return new DomainError("UNSUPPORTED", message);
}

/** What a caller has sent, as it is fit for one line: visible ASCII, and not too much of it. */
export function quote(text: string): string {
  const visible = text.replaceAll(/[^ -~]|"/g, "?");
  return `"${visible.length <= mostQuoted ? visible : `${visible.slice(0, mostQuoted - 3)}...`}"`;
}

function findService(path: string): DescService | undefined {
  return services.find(({ typeName }) => path.startsWith(`/${typeName}/`));
}

const rpcs: ReadonlySet<string> = new Set(services.flatMap(({ methods }) => methods.map(rpcName)));
/** As OpenTelemetry's conventions call methods that are not known. */
const other = "_OTHER";
const mostQuoted = 100;
