import type { DescFile, DescMessage, DescMethod, DescService } from "@bufbuild/protobuf";
import { getComments, getPackageComments } from "@bufbuild/protoplugin";
import { describeEnum, describeMessage, toText } from "./messages.js";

/** Returns the API reference in Markdown, from the comments of the proto files. */
export function describeContract(files: readonly DescFile[]): string {
  const sorted = [...files].sort((one, other) => (one.name < other.name ? -1 : 1));
  const services = sorted.flatMap((file) => file.services).reverse();
  const requestsAndResponses = new Set(
    services.flatMap(({ methods }) => methods.flatMap(({ input, output }) => [input, output])),
  );
  const messages = sorted.flatMap((file) =>
    file.messages.filter((each) => !requestsAndResponses.has(each)),
  );
  const enums = sorted.flatMap((file) => file.enums);
  const parts = [
    "# API reference",
    "Written by `npm run docs:generate` from the comments in [proto/llmprices/v1](../proto/llmprices/v1).",
    ...sorted.map((file) => toText(getPackageComments(file).leading)).filter(Boolean),
    describeContents(services),
    ...services.map(describeService),
    "## Messages",
    ...messages.map((message) => describeMessage(message, "###")),
    "## Enums",
    ...enums.map(describeEnum),
  ];
  return `${parts.join("\n\n")}\n`;
}

function describeContents(services: readonly DescService[]): string {
  const toLine = ({ name, methods }: DescService) =>
    `- ${link(name)}: ${methods.map((method) => link(method.name)).join(", ")}`;
  return [...services.map(toLine), `- ${link("Messages")}`, `- ${link("Enums")}`].join("\n");
}

function describeService(service: DescService): string {
  const comment = toText(getComments(service).leading);
  const methods = service.methods.map(describeMethod);
  return [`## ${service.name}`, comment, ...methods].join("\n\n");
}

function describeMethod(method: DescMethod): string {
  const { name, input, output, methodKind } = method;
  const isClientStream = methodKind === "client_streaming" || methodKind === "bidi_streaming";
  const isServerStream = methodKind === "server_streaming" || methodKind === "bidi_streaming";
  const request = toSignature(input, isClientStream);
  const response = toSignature(output, isServerStream);
  return [
    `### ${name}`,
    `\`${name}(${request}) returns (${response})\``,
    toText(getComments(method).leading),
    describeMessage(input, "####"),
    describeMessage(output, "####"),
  ].join("\n\n");
}

function toSignature({ name }: DescMessage, isStream: boolean): string {
  return isStream ? `stream ${name}` : name;
}

function link(heading: string): string {
  return `[${heading}](#${heading.toLowerCase()})`;
}
