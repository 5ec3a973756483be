import { readFileSync, writeFileSync } from "node:fs";
import { createFileRegistry, fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { describeContract } from "./contract.js";
import { refreshExcerpts } from "./excerpts.js";

// The reference from the contract's comments, and the excerpts from the clients that the tests run.
const descriptors = readFileSync("src/gen/descriptors.binpb");
const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, descriptors));
const files = [...registry.files].filter(({ proto }) => proto.package === "llmprices.v1");
writeFileSync("docs/api.md", describeContract(files));

const clients = readFileSync("docs/clients.md", "utf8");
const read = (path: string) => readFileSync(path, "utf8");
writeFileSync("docs/clients.md", refreshExcerpts(clients, read));
