import { request as httpRequest } from "node:http";
import { connect } from "node:net";
import { gzipSync } from "node:zlib";
import { fromBinary } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import { trailerParse } from "@connectrpc/connect/protocol-grpc-web";
import * as grpc from "@grpc/grpc-js";
import { expect } from "chai";
import { formatAddress } from "../../../src/config/address.js";
import { ErrorInfoSchema } from "../../../src/gen/google/rpc/error_details_pb.js";
import { StatusSchema } from "../../../src/gen/google/rpc/status_pb.js";
import { freshPrice, type TestKey } from "../../support/prices.js";
import { errorOf } from "../../support/received-errors.js";
import {
  type Protocol,
  protocols,
  startTestService,
  type TestService,
} from "../../support/service.js";

type SeenError = {
  readonly code: number;
  readonly message: string;
  readonly reason: string | undefined;
};
type ReceivedResponse = { readonly status: number; readonly body: Buffer };

describe("Malformed requests", () => {
  let service: TestService;
  let key: TestKey;
  before(async () => {
    service = await startTestService();
    ({ key } = await freshPrice(service, "2", new Date("2026-01-01")));
  });
  after(() => service.stop());

  const longTimeouts = { "gRPC-Web": "grpc-timeout", Connect: "connect-timeout-ms" } as const;
  for (const [protocol, header] of Object.entries(longTimeouts)) {
    it(`get the service's own error when the library's is long and compressed, ${protocol}`, async () => {
      const { pricing } = service.endpoints[protocol as Protocol];
      const headers = { [header]: "x".repeat(3000) };
      const terms = { ...key, providerCost: "1" };
      const usageRatio = { case: "accountUsageRatio", value: "1" } as const;
      const call = pricing.calculateCharge({ ...terms, usageRatio }, { headers });
      const { code, reason } = await errorOf(call);
      expect({ code, reason }).to.deep.equal({
        ...{ code: Code.InvalidArgument, reason: "MALFORMED_REQUEST" },
      });
    });
  }

  const garbage = Buffer.from([0xff, 0xff, 0xff]);
  const methods = ["CalculateCharge", "AllocateCharges", "StreamAllocateCharges"];

  for (const method of methods) {
    const senders: Record<string, (bytes: Buffer) => Promise<SeenError>> = {
      gRPC: (bytes) => overGrpc(service, method, bytes),
      "gRPC-Web": async (bytes) =>
        errorInTrailer(await post(service, method, grpcWeb, frame(bytes))),
      Connect: async (bytes) =>
        method.startsWith("Stream")
          ? errorInEnd(await post(service, method, connectStream, frame(bytes)))
          : errorInJson(await post(service, method, connectUnary, bytes)),
    };
    for (const [protocol, send] of Object.entries(senders)) {
      it(`of ${method} are INVALID_ARGUMENT for bytes that are not protobuf, through ${protocol}`, async () => {
        const { code, reason, message } = await send(garbage);
        expect({ code, reason }).to.deep.equal({
          code: Code.InvalidArgument,
          reason: "MALFORMED_REQUEST",
        });
        expect(message).to.match(/^the request cannot be read: /);
      });
    }
  }

  it("get the same error through every protocol", async () => {
    const [method = ""] = methods;
    const errors = [
      await overGrpc(service, method, garbage),
      errorInTrailer(await post(service, method, grpcWeb, frame(garbage))),
      errorInJson(await post(service, method, connectUnary, garbage)),
    ];
    for (const error of errors) expect(error).to.deep.equal(errors[0]);
  });

  it("are INVALID_ARGUMENT for malformed JSON", async () => {
    for (const json of ["{", "[]", `${"[".repeat(9000)}`]) {
      const error = errorInJson(
        await post(service, "CalculateCharge", connectJson, Buffer.from(json)),
      );
      expect(error).to.include({ code: Code.InvalidArgument, reason: "MALFORMED_REQUEST" });
      expect(error.message.length).to.be.below(400);
    }
  });

  it("are INVALID_ARGUMENT for an invalid calendar date", async () => {
    const price = (asOf: string, spaces = "") =>
      post(
        service,
        "CalculateCharge",
        connectJson,
        Buffer.from(
          `{"as_of"${spaces}: "${asOf}", "chargeType": "${key.chargeType}", "provider": "acme",` +
            `"model": "${key.model}", "providerCost": "1", "accountUsageRatio": "1"}`,
        ),
      );
    for (const day of ["2026-02-29", "2026-02-31", "2026-04-31", "2100-02-29"]) {
      const error = errorInJson(await price(`${day}T00:00:00Z`));
      expect(error, day).to.include({ code: Code.InvalidArgument, reason: "INVALID_FIELD" });
    }
    for (const day of ["2028-02-29", "2026-02-28", "2026-12-31"]) {
      expect((await price(`${day}T00:00:00Z`)).status, day).to.equal(200);
    }
    expect((await price("2026-02-31T00:00:00Z", "   \n  ")).status).to.equal(400);
  });

  it("are UNIMPLEMENTED for a compression that the service does not support", async () => {
    const headers = { ...connectJson, "content-encoding": "lzma" };
    const error = errorInJson(await post(service, "CalculateCharge", headers, garbage));
    expect(error).to.include({ code: Code.Unimplemented, reason: "UNSUPPORTED" });
  });

  it("are RESOURCE_EXHAUSTED above 4 MiB, with a content length, chunked or compressed", async () => {
    const large = Buffer.alloc(5 * 1024 * 1024, " ");
    const chunked = { ...connectJson, "transfer-encoding": "chunked" };
    const compressed = { ...connectJson, "content-encoding": "gzip" };
    for (const method of ["CalculateCharge", "AllocateCharges"]) {
      for (const [headers, body] of [
        [connectJson, large],
        [chunked, large],
        [compressed, gzipSync(large)],
      ] as const) {
        const error = errorInJson(await post(service, method, headers, body));
        expect(error).to.include({ code: Code.ResourceExhausted, reason: "MESSAGE_TOO_LARGE" });
        expect(error.message).to.include("4194304 bytes");
      }
    }
  });

  it("are INVALID_ARGUMENT for a message in the URL that is not base64", async () => {
    const { host, port } = service.server.httpAddress;
    for (const message of ["{}", "%25", "AAAA=A", "A"]) {
      const url = `http://${host}:${port}/llmprices.v1.PricingService/CalculateCharge`;
      const query = `connect=v1&encoding=proto&base64=1&message=${message}`;
      const response = await fetch(`${url}?${query}`);
      const body = Buffer.from(await response.arrayBuffer());
      const error = errorInJson({ status: response.status, body });
      expect(error, message).to.include({
        code: Code.InvalidArgument,
        reason: "MALFORMED_REQUEST",
      });
    }
  });

  it("are those with an invalid Host header", async () => {
    const { host, port } = service.server.httpAddress;
    const socket = connect(port, host);
    const path = "/llmprices.v1.CatalogService/ListProviders?encoding=json&message=%7B%7D";
    socket.write(`GET ${path} HTTP/1.1\r\nHost: [\r\n\r\n`);
    const response = await new Promise((resolve) =>
      socket.once("data", (data) => resolve(`${data}`)),
    );
    socket.destroy();
    expect(response).to.match(/^HTTP\/1.1 400 /);
    expect((await service.catalog.listChargeTypes({})).chargeTypes).to.have.lengthOf(3);
  });
});

describe("Large messages", () => {
  let service: TestService;
  before(async () => {
    service = await startTestService();
  });
  after(() => service.stop());

  for (const protocol of protocols) {
    it(`of any method are read and validated like small ones, through ${protocol}`, async () => {
      const { catalog } = service.endpoints[protocol];
      const { fields, code } = await errorOf(
        catalog.createProvider({ name: "acme", reason: "x".repeat(1_000_000) }),
      );
      expect({ code, fields }).to.deep.equal({ code: Code.InvalidArgument, fields: ["reason"] });
    });
  }
});

const connectJson = { "content-type": "application/json" };
const connectUnary = { "content-type": "application/proto" };
const connectStream = { "content-type": "application/connect+proto" };
const grpcWeb = { "content-type": "application/grpc-web+proto" };

function frame(message: Buffer): Buffer {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}

function errorInJson({ body }: ReceivedResponse): SeenError {
  const { code, message, details } = JSON.parse(body.toString());
  return { code: toCode(code), message, reason: details?.[0]?.debug?.reason };
}

function errorInEnd({ body }: ReceivedResponse): SeenError {
  expect(body[0]).to.equal(2);
  const { code, message, details } = JSON.parse(body.subarray(5).toString()).error;
  return { code: toCode(code), message, reason: details?.[0]?.debug?.reason };
}

function errorInTrailer({ body }: ReceivedResponse): SeenError {
  expect(body[0]).to.equal(0x80);
  const details = trailerParse(body.subarray(5)).get("grpc-status-details-bin") ?? "";
  return errorInStatus(Buffer.from(details, "base64"));
}

function errorInStatus(bytes: Uint8Array): SeenError {
  const { code, message, details } = fromBinary(StatusSchema, bytes);
  const { reason } = fromBinary(ErrorInfoSchema, details[0]?.value ?? Buffer.alloc(0));
  return { code, message, reason };
}

function toCode(name: string): number {
  return (
    Object.values(Code).findIndex(
      (each) => String(each).toLowerCase() === name.replaceAll("_", ""),
    ) + 1
  );
}

function post(
  { server }: TestService,
  method: string,
  headers: Record<string, string>,
  body: Buffer,
): Promise<ReceivedResponse> {
  const path = `/llmprices.v1.PricingService/${method}`;
  const isSized = headers["transfer-encoding"] === undefined;
  return new Promise((resolve, reject) => {
    const sent = httpRequest(
      {
        ...server.httpAddress,
        path,
        method: "POST",
        headers: { ...headers, ...(isSized && { "content-length": body.length }) },
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk) => chunks.push(chunk));
        response.on("end", () =>
          resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks) }),
        );
      },
    );
    sent.on("error", reject);
    sent.end(body);
  });
}

/** Makes a gRPC call with raw bytes as its message. Returns its error. */
function overGrpc({ server }: TestService, method: string, bytes: Buffer): Promise<SeenError> {
  const address = formatAddress(server.grpcAddress);
  const client = new grpc.Client(address, grpc.credentials.createInsecure());
  const same = (value: Buffer) => value;
  const path = `/llmprices.v1.PricingService/${method}`;
  return new Promise((resolve) => {
    client.makeUnaryRequest(path, same, same, bytes, (error) => {
      client.close();
      const [details] = error?.metadata.get("grpc-status-details-bin") ?? [];
      resolve(errorInStatus(details as Buffer));
    });
  });
}
