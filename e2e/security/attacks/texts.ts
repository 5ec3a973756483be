import { type DescMethod, fromJson, type JsonObject, toBinary } from "@bufbuild/protobuf";
import { pathOf } from "../../../src/server/threads/offloaded-methods.js";
import type { Attack } from "../attack.js";
import { readMessage, whyWrong } from "../messages/rightness.js";
import {
  hostileTexts,
  messageWithText,
  type TextPath,
  textPaths,
  toWellFormed,
} from "../messages/texts.js";
import { methods } from "../messages/valid.js";
import { concurrently } from "../support/concurrently.js";
import { readAnswer } from "../wire/answer.js";
import type { Wire } from "../wire/exchange.js";
import { bodyOf, headersOf, type Protocol, protocols } from "../wire/protocols.js";
import { count } from "../wire/verdict.js";

/** Hostile texts in every text field of every method. */
export const textsAttack: Attack = {
  name: "texts",
  writes: "some",
  run: async (target, counter, random, round) => {
    const half = random.sample(
      attempts.filter((_, index) => index % 2 === round),
      target.scaled(attempts.length / 2),
    );
    const wires = new Map<Protocol, Wire>(protocols.map((each) => [each, each.open(target)]));
    try {
      await concurrently(half.length, concurrency, async (index) => {
        const { method, path, text } = half[index] as Attempt;
        const protocol = random.pick(protocols);
        const json = messageWithText(method.input, path, text, random);
        const message = encode(protocol, method, json);
        const sent = {
          path: pathOf(method),
          headers: headersOf(protocol, method),
          body: bodyOf(protocol, method, message),
        };
        const answer = readAnswer(await (wires.get(protocol) as Wire).exchange(sent));
        const request = readIfPossible(method, protocol, message);
        count(counter, answer, {
          sent: `${JSON.stringify(json)} ${text}`,
          how: `${method.name} ${path.map(({ name }) => name).join(".")}, ${protocol.name}`,
          whyWrong: (messages) =>
            whyWrong(method, protocol.encoding, request, messages) ??
            findLostText(method, protocol, path, text, messages),
        });
      });
    } finally {
      for (const wire of wires.values()) wire.close();
    }
  },
};

type Attempt = { readonly method: DescMethod; readonly path: TextPath; readonly text: string };

/** Half of them in each round. */
const attempts: readonly Attempt[] = methods.flatMap((method) =>
  textPaths(method.input).flatMap((path) => hostileTexts.map((text) => ({ method, path, text }))),
);

/** Checks that an accepted text is stored unchanged: display names may contain anything. */
function findLostText(
  { input, output }: DescMethod,
  { encoding }: Protocol,
  [field]: TextPath,
  text: string,
  [answer]: readonly Buffer[],
): string | undefined {
  if (answer === undefined || field === undefined || !keptFields.has(field.name)) return undefined;
  const names: Record<string, unknown> = Object.assign(
    {},
    ...Object.values(readMessage(output, encoding, answer)),
  );
  return names[field.localName] === toWellFormed(text)
    ? undefined
    : `${input.typeName} does not keep ${field.name}`;
}

function encode({ encoding }: Protocol, { input }: DescMethod, json: JsonObject): Buffer {
  return encoding === "json"
    ? Buffer.from(JSON.stringify(json))
    : Buffer.from(toBinary(input, fromJson(input, wellFormed(json) as JsonObject)));
}

function wellFormed(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value), (_, each) =>
    typeof each === "string" ? toWellFormed(each) : each,
  );
}

function readIfPossible({ input }: DescMethod, { encoding }: Protocol, message: Buffer) {
  try {
    return readMessage(input, encoding, message);
  } catch {
    return undefined;
  }
}

const keptFields: ReadonlySet<string> = new Set(["display_name", "description"]);
const concurrency = 24;
