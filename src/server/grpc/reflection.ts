import { readFileSync } from "node:fs";
import { type DescFile, fromBinary, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import type { Server } from "@grpc/grpc-js";
import { ReflectionService } from "@grpc/reflection";
import { file_google_rpc_error_details } from "../../gen/google/rpc/error_details_pb.js";
import { file_health_v1_health } from "../../gen/health/v1/health_pb.js";

/**
 * Serves reflection v1 and v1alpha for our services, the error details and health. The descriptors
 * of our services are those that buf built, with comments. Debugging tools need the error details
 * to show them.
 *
 * The library expects a package definition of proto-loader, but reads only the encoded files from
 * it. proto-loader itself would merge our files into one and drop the comments.
 */
export function addReflection(server: Server): void {
  service ??= createReflectionService();
  service.addToServer(server);
}

/** The same for all servers of the process, because decoding the descriptors takes long. */
let service: ReflectionService | undefined;

function createReflectionService(): ReflectionService {
  const { file } = fromBinary(FileDescriptorSetSchema, readFileSync(descriptorSet));
  const known = new Set(file.map(({ name }) => name));
  const others = [file_google_rpc_error_details, file_health_v1_health]
    .flatMap(withDependencies)
    .map(({ proto }) => proto)
    .filter(({ name }) => !known.has(name));
  const fileDescriptorProtos = [...file, ...others].map((each) =>
    Buffer.from(toBinary(FileDescriptorProtoSchema, each)),
  );
  const files = { format: "", type: {}, fileDescriptorProtos } as never;
  return new ReflectionService({ files });
}

const descriptorSet = new URL("../../gen/descriptors.binpb", import.meta.url);

function withDependencies(file: DescFile): DescFile[] {
  return [file, ...file.dependencies.flatMap(withDependencies)];
}
