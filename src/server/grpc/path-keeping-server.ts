import * as grpc from "@grpc/grpc-js";

/** A server of grpc-js that tells which paths it serves; grpc-js keeps them to itself. */
export class PathKeepingServer extends grpc.Server {
  readonly paths: Set<string> = new Set();

  override addService(
    service: grpc.ServiceDefinition,
    implementation: grpc.UntypedServiceImplementation,
  ): void {
    super.addService(service, implementation);
    for (const { path } of Object.values(service)) this.paths.add(path);
  }
}
