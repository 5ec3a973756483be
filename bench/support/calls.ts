import type { DescMethod } from "@bufbuild/protobuf";
import * as grpc from "@grpc/grpc-js";
import { pathOf } from "../../src/server/threads/offloaded-methods.js";

/** Connects to the service at an address, passes the client to `work`, and closes it. */
export async function withClient<T>(
  address: string,
  work: (client: grpc.Client) => Promise<T>,
): Promise<T> {
  const client = new grpc.Client(address, grpc.credentials.createInsecure());
  try {
    return await work(client);
  } finally {
    client.close();
  }
}

/** Makes a unary call of encoded messages. */
export function call(
  client: grpc.Client,
  method: DescMethod,
  request: Buffer,
  options: grpc.CallOptions = {},
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(pathOf(method), same, same, request, options, (error, response) => {
      if (response === undefined) reject(error);
      else resolve(response);
    });
  });
}

/** Passes messages unchanged: they are encoded and decoded outside of the measured time. */
export const same = (message: Buffer) => message;
