import type { Random } from "../support/random.js";

/** Changes an encoded message once to four times, each time in one of the ways below. */
export function mutateBytes(message: Buffer, random: Random): Buffer {
  let mutated = message;
  for (let left = random.pick([1, 1, 1, 2, 2, 4]); left > 0; left -= 1) {
    mutated = random.pick(mutations)(mutated, random);
  }
  return mutated;
}

type Mutation = (message: Buffer, random: Random) => Buffer;

const flipBit: Mutation = (message, random) =>
  changeByte(message, random, (byte) => byte ^ (1 << random.integer(0, 7)));

const setByte: Mutation = (message, random) =>
  changeByte(message, random, () => random.pick([0x00, 0x7f, 0x80, 0xff, random.integer(0, 255)]));

const truncate: Mutation = (message, random) =>
  message.subarray(0, random.integer(0, message.length));

const extend: Mutation = (message, random) =>
  Buffer.concat([message, random.bytes(random.integer(1, 40))]);

const replaceAll: Mutation = (_, random) => random.bytes(random.integer(0, 200));

/** Fields that come twice: the last counts, lists grow, messages are merged. */
const repeat: Mutation = (message, random) => {
  const from = random.integer(0, message.length);
  return splice(message, random, message.subarray(from, random.integer(from, message.length)));
};

/** The first bytes of fields are tags: another field, or another wire type. */
const changeTag: Mutation = (message, random) => {
  const changed = Buffer.from(message);
  if (changed.length > 0) changed[0] = random.integer(0, 127);
  return changed;
};

const insertUnknownField: Mutation = (message, random) =>
  splice(message, random, random.pick(fields)(random));

const mutations: readonly Mutation[] = [
  ...[flipBit, flipBit, flipBit, setByte, truncate, extend, replaceAll],
  ...[repeat, repeat, changeTag, insertUnknownField, insertUnknownField],
];

/** Fields that no message has, or that break the rules of the wire format. */
const fields: readonly ((random: Random) => Buffer)[] = [
  // A varint of ten bytes, of eleven, and one that never ends.
  () => Buffer.from(`08${"ff".repeat(9)}01`, "hex"),
  () => Buffer.from(`08${"ff".repeat(10)}01`, "hex"),
  () => Buffer.from(`08${"80".repeat(50)}`, "hex"),
  // Field 0, and the largest number.
  () => Buffer.from("0001", "hex"),
  () => Buffer.from("f8ffffff0f01", "hex"),
  // A length of 4 GiB, one of 2 GiB, and a negative one.
  () => Buffer.from("0affffffff0f", "hex"),
  () => Buffer.from("0affffffff07", "hex"),
  () => Buffer.from(`0a${"ff".repeat(9)}01`, "hex"),
  // Wire types 6 and 7 are none; a group that only ends, and one that only begins.
  () => Buffer.from("0e", "hex"),
  () => Buffer.from("0f", "hex"),
  () => Buffer.from("0c", "hex"),
  () => Buffer.from("0b", "hex"),
  // Groups in groups, and messages in messages.
  (random) => {
    const depth = random.pick([10, 101, 1000, 20_000]);
    return Buffer.concat([Buffer.alloc(depth, 0x0b), Buffer.alloc(depth, 0x0c)]);
  },
  (random) => nest(random.pick([10, 101, 1000]), random.integer(1, 15)),
  // Texts that are no UTF-8: a lone byte, an overlong zero, a surrogate, what lies beyond U+10FFFF.
  (random) => lengthDelimited(random.integer(1, 15), Buffer.from([0xff])),
  (random) => lengthDelimited(random.integer(1, 15), Buffer.from([0xc0, 0x80])),
  (random) => lengthDelimited(random.integer(1, 15), Buffer.from([0xed, 0xa0, 0x80])),
  (random) => lengthDelimited(random.integer(1, 15), Buffer.from([0xf7, 0xbf, 0xbf, 0xbf])),
  (random) => lengthDelimited(random.integer(1, 15), Buffer.alloc(random.pick([0, 1, 5000]), "x")),
  (random) => lengthDelimited(random.integer(16, 2000), random.bytes(random.integer(0, 30))),
];

function nest(depth: number, field: number): Buffer {
  let nested: Buffer = Buffer.alloc(0);
  for (let left = depth; left > 0; left -= 1) nested = lengthDelimited(field, nested);
  return nested;
}

function lengthDelimited(field: number, data: Buffer): Buffer {
  return Buffer.concat([varint(field * 8 + 2), varint(data.length), data]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 0x7f; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  return Buffer.from([...bytes, rest]);
}

function changeByte(message: Buffer, random: Random, change: (byte: number) => number): Buffer {
  const changed = Buffer.from(message);
  const at = random.integer(0, Math.max(0, message.length - 1));
  if (at < changed.length) changed[at] = change(changed[at] ?? 0);
  return changed;
}

function splice(message: Buffer, random: Random, inserted: Buffer): Buffer {
  const at = random.pick([0, message.length, random.integer(0, message.length)]);
  return Buffer.concat([message.subarray(0, at), inserted, message.subarray(at)]);
}
