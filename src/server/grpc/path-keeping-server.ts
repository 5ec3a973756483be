import * as grpc from "@grpc/grpc-js";

/** A grpc-js server that exposes the paths of its methods, which grpc-js keeps private. */
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
