import { readFileSync, writeFileSync } from "node:fs";
import { createFileRegistry, fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { describeContract } from "./contract.js";
import { refreshExcerpts } from "./excerpts.js";

// Writes the API reference from the proto comments, and the excerpts of the example clients.
const descriptors = readFileSync("src/gen/descriptors.binpb");
const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, descriptors));
const files = [...registry.files].filter(({ proto }) => proto.package === "llmprices.v1");
writeFileSync("docs/api.md", describeContract(files));

const read = (path: string) => readFileSync(path, "utf8");
for (const page of ["docs/clients.md", "docs/decimals.md"]) {
  writeFileSync(page, refreshExcerpts(read(page), read));
}
