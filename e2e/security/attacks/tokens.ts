import { createHash, createHmac } from "node:crypto";
import { type DescMethod, fromJson, toBinary } from "@bufbuild/protobuf";
import { pathOf } from "../../../src/server/threads/offloaded-methods.js";
import { inSeconds } from "../../../test/support/issuer.js";
import type { Attack, Counter } from "../attack.js";
import { isWatch, isWrite, methods, validMessage } from "../messages/valid.js";
import { concurrently } from "../support/concurrently.js";
import type { Random } from "../support/random.js";
import type { Target } from "../support/target.js";
import type { Trust } from "../support/trust.js";
import { type Answer, readAnswer } from "../wire/answer.js";
import { bodyOf, headersOf, type Protocol, protocols, shortDeadline } from "../wire/protocols.js";
import { count } from "../wire/verdict.js";

/** Malformed, forged and expired tokens, with every method and protocol. */
export const tokensAttack = (trust: Trust): Attack => ({
  name: "tokens",
  writes: "none",
  run: async (target, counter, random) => {
    const bad = await badTokens(trust, random);
    await callWith(target, random, bad, ({ method, protocol, header, answer }) =>
      countRejection(
        counter,
        answer,
        `${header}`.slice(0, 200),
        `${method.name}, ${protocol.name}`,
        ["unauthenticated"],
      ),
    );
  },
});

/** A caller with the role to calculate and read calls every method. */
export const rolesAttack = (trust: Trust): Attack => ({
  name: "roles",
  writes: "none",
  run: async (target, counter, random) => {
    const jwt = await trust.issuer.sign({ role: "calculate", sub: "reader" });
    const roleless = await trust.issuer.sign({ role: ["owner"] });
    const headers = [trust.calculate, jwt, roleless].map((token) => `Bearer ${token}`);
    const repeated = headers.flatMap((header) => Array(timesEach).fill(header));
    await callWith(target, random, repeated, ({ method, protocol, header, answer }) => {
      const how = `${method.name}, ${protocol.name}`;
      const isForbidden = isWrite(method) || header === `Bearer ${roleless}`;
      if (isForbidden)
        countRejection(counter, answer, "a reader's token", how, ["permission_denied"]);
      else if ("code" in answer && /^(?:permission|unauth)/.test(answer.code)) {
        counter.other(`${how}: ${answer.code} for what the role allows`);
      } else count(counter, answer, { sent: "", how, mayBeLate: () => isWatch(method) });
    });
  },
});

type Seen = {
  readonly method: DescMethod;
  readonly protocol: Protocol;
  readonly header: string | undefined;
  readonly answer: Answer;
};

/** Calls every method over every protocol with each of the headers, or a sample of these calls. */
async function callWith(
  target: Target,
  random: Random,
  headers: readonly (string | undefined)[],
  see: (seen: Seen) => void,
): Promise<void> {
  const all = headers.flatMap((header) => methods.map((method) => ({ method, header })));
  for (const protocol of protocols) {
    const wire = protocol.open(target);
    const calls = random.sample(all, target.scaled(all.length));
    await concurrently(calls.length, concurrency, async (index) => {
      const { method, header } = calls[index] as (typeof all)[number];
      const json = validMessage(method.input, random);
      const message =
        protocol.encoding === "json"
          ? Buffer.from(JSON.stringify(json))
          : toBinary(method.input, fromJson(method.input, json));
      const sent = {
        path: pathOf(method),
        headers: {
          ...headersOf(protocol, method),
          ...(header !== undefined && { authorization: header }),
          ...(isWatch(method) && shortDeadline),
        },
        body: bodyOf(protocol, method, message),
      };
      const answer = readAnswer(await wire.exchange(sent));
      see({ method, protocol, header, answer });
    });
    wire.close();
  }
}

/** Counts a response: anything but one of the codes, or an error for large headers, is a way in. */
function countRejection(
  counter: Counter,
  answer: Answer,
  sent: string,
  how: string,
  codes: readonly string[],
): void {
  if ("messages" in answer) return void counter.other(`${how}: authorized`, sent);
  if ("code" in answer && !codes.includes(answer.code)) {
    return void counter.other(`${how}: ${answer.code}: ${answer.message}`, sent);
  }
  count(counter, answer, { sent, how, mayBeLost: true });
}

async function badTokens(trust: Trust, random: Random): Promise<readonly (string | undefined)[]> {
  const { manage, issuer } = trust;
  const changedAt = (index: number) => {
    const other = manage[index] === "x" ? "y" : "x";
    return manage.slice(0, index) + other + manage.slice(index + 1);
  };
  const nearMisses = Array.from(manage, (_, index) => changedAt(index));
  const jwt = await issuer.sign({ sub: "somebody" });
  const [head = "", body = "", signature = ""] = jwt.split(".");
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const claims = JSON.parse(Buffer.from(body, "base64url").toString());
  const unsigned = (alg: string) => `${part({ alg, typ: "JWT" })}.${body}.`;
  const hmac = (key: string) => {
    const text = `${part({ alg: "HS256", kid: issuer.key.id })}.${body}`;
    return `${text}.${createHmac("sha256", key).update(text).digest("base64url")}`;
  };
  const forged = [
    ...["none", "None", "NONE", "nOnE", ""].map(unsigned),
    ...["", manage, issuer.key.publicPem ?? "key"].map(hmac),
    `${head}.${part({ ...claims, sub: "root" })}.${signature}`,
    `${head}.${body}.${"A".repeat(86)}`,
    `${head}.${body}.`,
    `${head}.${body}`,
    `${part({ alg: "ES256", kid: "../../../dev/null" })}.${body}.${signature}`,
    `${part({ alg: "ES256", jku: "http://127.0.0.1:1/keys" })}.${body}.${signature}`,
    `${part({ alg: "ES256", kid: issuer.key.id, crit: ["x"], x: 1 })}.${body}.${signature}`,
    await issuer.sign({ exp: inSeconds(-3600) }),
    await issuer.sign({ exp: undefined }),
    await issuer.sign({ nbf: inSeconds(3600) }),
    await issuer.sign({ aud: "another" }),
    await issuer.sign({ iss: "https://evil.example" }),
  ];
  const others = [
    ...[
      `${manage}x`,
      manage.slice(0, -1),
      manage.slice(1),
      ` ${manage} ${manage}`,
      manage + manage,
    ],
    ...[manage.toUpperCase(), manage.toLowerCase(), `${manage},${manage}`, `"${manage}"`],
    ...[createHash("sha256").update(manage).digest("hex"), Buffer.from(manage).toString("base64")],
    ...["null", "undefined", "true", "0", "*", "' or 1=1 --", "{}", "..", "%00", "__proto__"],
    ...["x".repeat(1000), "x".repeat(8000), "x".repeat(14_000), ".".repeat(4000)],
    ...Array.from({ length: 10 }, () => random.bytes(24).toString("base64url")),
  ];
  const schemes = ["", "Bearer", "Bearer ", `Basic ${manage}`, manage, `Bearer: ${manage}`];
  return [
    ...[undefined, ...schemes, `Token ${manage}`, `Bearer\u00a0${manage}`],
    ...[...nearMisses, ...forged, ...others].map((token) => `Bearer ${token}`),
  ];
}

const timesEach = 10;
const concurrency = 24;
