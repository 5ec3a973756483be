import * as grpc from "@grpc/grpc-js";
import { requestIdHeader, requestIdOf } from "../calls/request-id.js";

/** One header, of which several may have come: the first. */
export function firstOf(metadata: grpc.Metadata, name: string): string | undefined {
  return metadata.get(name)[0]?.toString();
}

/** Settles what a call is called, so that all who tell of it call it the same. */
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
