import {
  create,
  type DescField,
  type DescMessage,
  type MessageInitShape,
  ScalarType,
  toBinary,
} from "@bufbuild/protobuf";
import { WireType } from "@bufbuild/protobuf/wire";
import { Edition, FeatureSet_FieldPresence, isWrapperDesc } from "@bufbuild/protobuf/wkt";
import { writeMessage } from "./shared-messages.js";
import {
  encodeWith,
  writeBytes,
  writeInt64,
  writeNested,
  writeText,
  writeUint32,
} from "./wire-writer.js";

/**
 * Returns an encoder from a message's initial shape to the bytes that protobuf-es's
 * `toBinary(create())` returns. protobuf-es reads the descriptor of each field for every message;
 * this encoder reads the descriptors once, when it is compiled.
 */
export function compileEncoder<D extends DescMessage>(
  message: D,
): (init: MessageInitShape<D>) => Buffer {
  const write = compileMessage(message, new Map());
  return write === undefined
    ? (init) => Buffer.from(toBinary(message, create(message, init)))
    : (init) => encodeWith(() => write(init as Fields));
}

type Fields = Readonly<Record<string, unknown>>;
type Write<T> = (value: T) => void;
type Compiled = Map<DescMessage, Write<Fields>>;

/** Returns undefined if the message has a field of a kind that only protobuf-es encodes. */
function compileMessage(message: DescMessage, compiled: Compiled): Write<Fields> | undefined {
  const known = compiled.get(message);
  if (known !== undefined) return known;
  if (message.file.edition !== Edition.EDITION_PROTO3) return undefined;
  const writers: Write<Fields>[] = [];
  const writeAll = (fields: Fields) => {
    for (const write of writers) write(fields);
  };
  compiled.set(message, writeAll);
  for (const field of message.fields.toSorted((a, b) => a.number - b.number)) {
    const write = compileField(field, compiled);
    if (write === undefined) return undefined;
    writers.push(write);
  }
  return writeAll;
}

function compileField(field: DescField, compiled: Compiled): Write<Fields> | undefined {
  const name = field.localName;
  if (field.fieldKind === "list" && field.packed) return compilePackedList(field);
  const write = compileValue(field, compiled);
  if (write === undefined) return undefined;
  if (field.fieldKind === "list") {
    return (fields) => {
      for (const item of (fields[name] ?? []) as unknown[]) write(item);
    };
  }
  if (field.oneof !== undefined) {
    const { localName } = field.oneof;
    return (fields) => {
      const chosen = fields[localName] as { case?: string; value?: unknown } | undefined;
      if (chosen?.case === name) write(chosen.value);
    };
  }
  const isImplicit = field.presence === FeatureSet_FieldPresence.IMPLICIT;
  return (fields) => {
    const value = fields[name];
    if (value !== undefined && !(isImplicit && isDefault(value))) write(value);
  };
}

/** Returns a function that writes all values after one tag and their length in bytes. */
function compilePackedList(field: DescField): Write<Fields> | undefined {
  const writeNumber = findNumberWriter(field) as Write<unknown> | undefined;
  if (writeNumber === undefined) return undefined;
  const name = field.localName;
  const tag = (field.number << 3) | WireType.LengthDelimited;
  const writeAll = (items: readonly unknown[]) => {
    for (const item of items) writeNumber(item);
  };
  return (fields) => {
    const items = (fields[name] ?? []) as readonly unknown[];
    if (items.length === 0) return;
    writeUint32(tag);
    writeNested(items, writeAll);
  };
}

function isDefault(value: unknown): boolean {
  if (value instanceof Uint8Array) return value.length === 0;
  return value === "" || value === 0 || value === 0n || value === false;
}

/**
 * Returns a function that writes a tag and one value, or undefined if only protobuf-es encodes this
 * kind of field.
 */
function compileValue(field: DescField, compiled: Compiled): Write<unknown> | undefined {
  if (field.fieldKind === "map") return undefined;
  const tagOf = (wireType: WireType) => (field.number << 3) | wireType;
  if (field.message !== undefined) {
    if (isWrapperDesc(field.message) || field.delimitedEncoding) return undefined;
    const write = compileMessage(field.message, compiled);
    const tag = tagOf(WireType.LengthDelimited);
    return (
      write &&
      ((value) => {
        writeUint32(tag);
        writeMessage(value as Fields, write);
      })
    );
  }
  if (field.scalar === ScalarType.STRING) {
    const tag = tagOf(WireType.LengthDelimited);
    return (value) => {
      writeUint32(tag);
      writeText(value as string);
    };
  }
  if (field.scalar === ScalarType.BYTES) {
    const tag = tagOf(WireType.LengthDelimited);
    return (value) => {
      writeUint32(tag);
      writeBytes(value as Uint8Array);
    };
  }
  const writeNumber = findNumberWriter(field);
  const tag = tagOf(WireType.Varint);
  return (
    writeNumber &&
    ((value) => {
      writeUint32(tag);
      writeNumber(value as never);
    })
  );
}

function findNumberWriter({ scalar, enum: values }: DescField) {
  if (scalar === ScalarType.BOOL) return (value: boolean) => writeUint32(value ? 1 : 0);
  if (scalar === ScalarType.INT64) return (value: bigint | string) => writeInt64(BigInt(value));
  if (scalar === ScalarType.UINT32) return writeUint32;
  // A negative number is encoded in ten bytes.
  if (scalar === ScalarType.INT32 || values !== undefined)
    return (value: number) => (value < 0 ? writeInt64(BigInt(value)) : writeUint32(value));
  return undefined;
}
