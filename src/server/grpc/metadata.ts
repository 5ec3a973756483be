import * as grpc from "@grpc/grpc-js";
import { requestIdHeader, requestIdOf } from "../calls/request-id.js";

/** Returns the first value of a header. */
export function firstOf(metadata: grpc.Metadata, name: string): string | undefined {
  return metadata.get(name)[0]?.toString();
}

/**
 * Stores the request id in the metadata, so that the log, the response and worker threads use the
 * same one. Generates it if the client sent none.
 */
export function assignRequestId(metadata: grpc.Metadata): void {
  metadata.set(
    requestIdHeader,
    requestIdOf((name) => firstOf(metadata, name)),
  );
}

export function toMetadata(headers: Headers): grpc.Metadata {
  const metadata = new grpc.Metadata();
  for (const [name, value] of headers) {
    metadata.add(name, name.endsWith("-bin") ? Buffer.from(value, "base64") : value);
  }
  return metadata;
}

export function toHeaders(metadata: grpc.Metadata): Headers {
  const headers = new Headers();
  for (const name of Object.keys(metadata.getMap())) {
    for (const value of metadata.get(name)) {
      headers.append(name, typeof value === "string" ? value : value.toString("base64"));
    }
  }
  return headers;
}
