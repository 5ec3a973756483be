import { type DescEnum, type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";
import { getComments } from "@bufbuild/protoplugin";

/** Returns a message's comment and a table of its fields. */
export function describeMessage(message: DescMessage, heading: string): string {
  const rows = message.fields.map((field) =>
    toRow([`\`${field.name}\``, toType(field), toCell(field)]),
  );
  return [
    `${heading} ${message.name}`,
    toText(getComments(message).leading),
    [toRow(["field", "type", "what it is"]), toRow(["---", "---", "---"]), ...rows].join("\n"),
  ].join("\n\n");
}

/** Returns an enum's comment and a table of its values. */
export function describeEnum(descriptor: DescEnum): string {
  const rows = descriptor.values.map((value) =>
    toRow([`\`${value.name}\``, String(value.number), toLine(getComments(value).leading)]),
  );
  return [
    `### ${descriptor.name}`,
    toText(getComments(descriptor).leading),
    [toRow(["value", "number", "what it means"]), toRow(["---", "---:", "---"]), ...rows].join(
      "\n",
    ),
  ].join("\n\n");
}

/** Converts a comment to Markdown: removes the space at the start of each line. */
export function toText(comment: string | undefined): string {
  return (comment ?? "").replaceAll(/^ /gm, "").trim();
}

function toCell(field: DescField): string {
  const text = toLine(getComments(field).leading);
  const { oneof } = field;
  return oneof === undefined ? text : `One of \`${oneof.name}\`. ${text}`;
}

function toType(field: DescField): string {
  const optional = field.proto.proto3Optional ? "optional " : "";
  switch (field.fieldKind) {
    case "scalar":
      return `${optional}${toName(field.scalar)}`;
    case "enum":
      return `${optional}${toLink(field.enum)}`;
    case "message":
      return toLink(field.message);
    case "map":
      return `map of ${toName(field.mapKey)}`;
    case "list":
      if (field.listKind === "scalar") return `repeated ${toName(field.scalar)}`;
      return `repeated ${toLink(field.listKind === "enum" ? field.enum : field.message)}`;
  }
}

function toName(scalar: ScalarType): string {
  return ScalarType[scalar].toLowerCase();
}

/** Links to types of this package. Types of other packages are not in the reference. */
function toLink({ name, typeName }: DescMessage | DescEnum): string {
  return typeName === `llmprices.v1.${name}` ? `[${name}](#${name.toLowerCase()})` : typeName;
}

function toLine(comment: string | undefined): string {
  return toText(comment)
    .replaceAll("|", "\\|")
    .replaceAll(/\s*\n\s*/g, " ");
}

function toRow(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}
