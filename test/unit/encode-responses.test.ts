import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { createHandlerContext } from "@connectrpc/connect";
import { expect } from "chai";
import {
  CatalogService,
  CreateProviderResponseSchema,
  DeleteProviderResponseSchema,
} from "../../src/gen/llmprices/v1/catalog_service_pb.js";
import { encodeResponses } from "../../src/server/threads/encode-responses.js";

const init = { provider: { name: "acme" } };
const handlers = { createProvider: () => init, deleteProvider: () => ({}) };
const encoded = encodeResponses(CatalogService, handlers as never) as unknown as Record<
  keyof typeof handlers,
  (request: object, context: object) => Promise<object>
>;

function contextOf(contentType?: string) {
  return createHandlerContext({
    ...{ service: CatalogService, method: CatalogService.method.createProvider },
    ...{ protocolName: "grpc", requestMethod: "POST", url: "http://thread/" },
    requestHeader: new Headers(contentType === undefined ? {} : { "content-type": contentType }),
  });
}

describe("Encoded responses of threads", () => {
  for (const type of ["application/grpc+proto", "application/grpc-web", "application/proto"]) {
    it(`have the bytes of the response for ${type}`, async () => {
      const response = await encoded.createProvider({}, contextOf(type));
      const schema = CreateProviderResponseSchema;
      const bytes = toBinary(schema, create(schema, response as never));
      expect(bytes).to.deep.equal(toBinary(schema, create(schema, init)));
      expect(fromBinary(schema, bytes)).to.deep.include(create(schema, init));
    });
  }

  it("have no bytes for a response without fields", async () => {
    const response = await encoded.deleteProvider({}, contextOf("application/grpc+proto"));
    const bytes = toBinary(DeleteProviderResponseSchema, response as never);
    expect(bytes).to.have.lengthOf(0);
  });

  for (const type of ["application/json", "application/connect+json", undefined]) {
    it(`are what the handler returns for ${type ?? "a call by GET"}`, async () => {
      expect(await encoded.createProvider({}, contextOf(type))).to.equal(init);
    });
  }
});
