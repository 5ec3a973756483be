import { readFileSync, writeFileSync } from "node:fs";
import { createFileRegistry, fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { describeJsonApi } from "./describe.js";

// Writes the OpenAPI description of the JSON API from the contract.
const descriptors = readFileSync("src/gen/descriptors.binpb");
const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, descriptors));
const files = [...registry.files].filter(({ proto }) => proto.package === "llmprices.v1");
const { version } = JSON.parse(readFileSync("package.json", "utf8"));
const description = describeJsonApi(files, version);
writeFileSync("src/gen/openapi.json", `${JSON.stringify(description, null, 1)}\n`);
