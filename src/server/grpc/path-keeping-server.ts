import * as grpc from "@grpc/grpc-js";

/** A server of grpc-js that knows which paths it serves; in grpc-js they are private. */
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
