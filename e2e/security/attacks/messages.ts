import { type DescMethod, fromJson, type Message, toBinary } from "@bufbuild/protobuf";
import { isOffloaded, pathOf } from "../../../src/server/threads/offloaded-methods.js";
import type { Attack } from "../attack.js";
import { mutateBytes } from "../messages/mutate-bytes.js";
import { mutateFrame } from "../messages/mutate-frame.js";
import { strangeHeader, timeouts } from "../messages/mutate-headers.js";
import { mutateJson } from "../messages/mutate-json.js";
import { readMessage, whyWrong } from "../messages/rightness.js";
import { isWatch, methods, validMessage } from "../messages/valid.js";
import { concurrently } from "../support/concurrently.js";
import type { Random } from "../support/random.js";
import { readAnswer } from "../wire/answer.js";
import type { Sent } from "../wire/exchange.js";
import {
  bodyOf,
  headersOf,
  isFramed,
  type Protocol,
  protocols,
  shortDeadline,
} from "../wire/protocols.js";
import { count } from "../wire/verdict.js";

/** Mutated messages, frames and headers of every method, over every protocol, to every listener. */
export const messageAttacks: readonly Attack[] = protocols.map((protocol) => ({
  name: `messages-${protocol.name.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-")}`,
  writes: "some",
  run: async (target, counter, random) => {
    const wire = protocol.open(target);
    try {
      await concurrently(
        target.scaled(callsPerRound[protocol.name] ?? 0),
        concurrency,
        async () => {
          const attempt = makeAttempt(protocol, pickMethod(random), random);
          const { method, sent, message, plain, isLateByHeader } = attempt;
          const answer = readAnswer(await wire.exchange(sent));
          const request = readRequest(method, protocol, message);
          count(counter, answer, {
            sent: `${sent.path} ${JSON.stringify(sent.headers)} ${sent.body.toString("latin1")} ${plain}`,
            how: `${method.name}`,
            whyWrong: (messages) => whyWrong(method, protocol.encoding, request, messages),
            mayBeLate: () => isLateByHeader,
          });
        },
      );
    } finally {
      wire.close();
    }
  },
}));

/** An offloaded call takes longer, so fewer of them are made. */
function pickMethod(random: Random): DescMethod {
  return random.pick(random.oneIn(4) ? methods : singleMethods);
}

type Attempt = {
  readonly method: DescMethod;
  readonly sent: Sent;
  /** The message that the service must read, or undefined if that is not certain. */
  readonly message: Buffer | undefined;
  /** The message before framing and compression. */
  readonly plain: Buffer;
  readonly isLateByHeader: boolean;
};

function makeAttempt(protocol: Protocol, method: DescMethod, random: Random): Attempt {
  const message = makeMessage(protocol, method, random);
  const strange = random.oneIn(12) ? strangeHeader(random) : {};
  const isFrameMutated = isFramed(protocol, method) && random.oneIn(8);
  const frame = isFrameMutated
    ? mutateFrame(message, random)
    : { body: bodyOf(protocol, method, message), headers: {} };
  const isEndless = isWatch(method);
  const headers = {
    ...{ ...headersOf(protocol, method), ...deadline, ...frame.headers, ...strange },
    ...(isEndless && shortDeadline),
  };
  const isChanged = isFrameMutated || Object.keys(strange).length > 0;
  return {
    ...{ method, sent: { path: pathOf(method), headers, body: frame.body } },
    message: isChanged ? undefined : message,
    plain: message,
    isLateByHeader: isEndless || Object.keys(strange).some((name) => timeouts.has(name)),
  };
}

/** Makes a message, valid in one of ten cases. */
function makeMessage({ encoding }: Protocol, { input }: DescMethod, random: Random): Buffer {
  const json = validMessage(input, random);
  const isValid = random.oneIn(10);
  if (encoding === "json") {
    return isValid ? Buffer.from(JSON.stringify(json)) : mutateJson(json, random);
  }
  const bytes = Buffer.from(toBinary(input, fromJson(input, json)));
  return isValid ? bytes : mutateBytes(bytes, random);
}

function readRequest(
  { input }: DescMethod,
  { encoding }: Protocol,
  message: Buffer | undefined,
): Message | undefined {
  try {
    return message && readMessage(input, encoding, message);
  } catch {
    return undefined;
  }
}

const singleMethods = methods.filter((method) => !isOffloaded(method));
const concurrency = 24;
const deadline = { "grpc-timeout": "15000m", "connect-timeout-ms": "15000" };
const callsPerRound: Readonly<Record<string, number>> = {
  gRPC: 30_000,
  "gRPC through HTTP_ADDR": 5000,
  "gRPC-Web": 5000,
  "gRPC-Web JSON": 3000,
  Connect: 6500,
  "Connect JSON": 5000,
  "Connect JSON, HTTP/2": 3000,
};
