import type { DescField, DescMessage } from "@bufbuild/protobuf";

/** Every path to a Timestamp in a message, through each message once. */
export function timestampPaths(
  message: DescMessage,
  through: readonly DescMessage[] = [],
): readonly (readonly DescField[])[] {
  if (through.includes(message)) return [];
  return message.fields.flatMap((field) => {
    if (field.message === undefined) return [];
    if (field.message.typeName === "google.protobuf.Timestamp") return [[field]];
    return timestampPaths(field.message, [...through, message]).map((rest) => [field, ...rest]);
  });
}

/** JSON with a value at the end of a path. */
export function toJson(
  [field, ...rest]: readonly DescField[],
  value: string,
  name: "name" | "jsonName",
): unknown {
  if (field === undefined) return value;
  const inner = toJson(rest, value, name);
  if (field.fieldKind === "list") return { [field[name]]: [inner] };
  return { [field[name]]: field.fieldKind === "map" ? { key: inner } : inner };
}
