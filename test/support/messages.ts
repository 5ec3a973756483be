import { type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";
import * as fc from "fast-check";

/** Generates initial shapes of a message with any of its fields set, nested up to `depth`. */
export function initsOf(message: DescMessage, depth = 3): fc.Arbitrary<Record<string, unknown>> {
  const single = message.fields.filter(({ oneof }) => oneof === undefined);
  const fields = single
    .filter((field) => depth > 0 || field.message === undefined)
    .map((field) => [field.localName, valuesOf(field, depth)] as const);
  const oneofs = message.oneofs.map(({ localName, fields }) => {
    const cases = fields.map((field) =>
      valuesOf(field, depth).map((value) => ({ case: field.localName, value })),
    );
    return [localName, fc.oneof(...cases)] as const;
  });
  return fc.record(Object.fromEntries([...fields, ...oneofs]), { requiredKeys: [] });
}

function valuesOf(field: DescField, depth: number): fc.Arbitrary<unknown> {
  const one = itemsOf(field, depth);
  return field.fieldKind === "list" ? fc.array(one, { maxLength: 4 }) : one;
}

function itemsOf(field: DescField, depth: number): fc.Arbitrary<unknown> {
  if (field.message !== undefined) return initsOf(field.message, depth - 1);
  if (field.enum !== undefined)
    return fc.constantFrom(...field.enum.values.map(({ number }) => number), -1);
  switch (field.scalar) {
    case ScalarType.STRING:
      return fc.oneof(fc.string({ unit: "binary" }), fc.string({ maxLength: 300 }));
    case ScalarType.BOOL:
      return fc.boolean();
    case ScalarType.INT64:
      return fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n);
    case ScalarType.INT32:
      return fc.integer();
    case ScalarType.BYTES:
      return fc.uint8Array({ maxLength: 300 });
    case ScalarType.UINT32:
      return fc.nat(0xffff_ffff);
    default:
      throw new Error(`no values are defined for ${field}`);
  }
}
