import { create, toBinary } from "@bufbuild/protobuf";
import { BinaryWriter } from "@bufbuild/protobuf/wire";
import { HealthCheckRequestSchema } from "../../../src/gen/health/v1/health_pb.js";
import { serviceNames } from "../../../src/server/calls/service-names.js";
import { toFrame } from "../../../src/server/connect/error-response.js";
import type { Attack } from "../attack.js";
import { mutateBytes } from "../messages/mutate-bytes.js";
import { mutateFrame } from "../messages/mutate-frame.js";
import { hostileTexts, toWellFormed } from "../messages/texts.js";
import { concurrently } from "../support/concurrently.js";
import type { Random } from "../support/random.js";
import { readAnswer } from "../wire/answer.js";
import { openHttp2 } from "../wire/http2.js";
import { count } from "../wire/verdict.js";

/** Mutated messages to health and reflection, which libraries implement. */
export const standardServicesAttack: Attack = {
  name: "health-reflection",
  writes: "none",
  run: async ({ grpc, scaled }, counter, random) => {
    const wire = openHttp2(grpc);
    try {
      await concurrently(scaled(callsPerRound), concurrency, async () => {
        const path = random.pick(paths);
        const message = path.includes("Health") ? healthRequest(random) : reflectionRequest(random);
        const mutated = random.oneIn(4) ? message : mutateBytes(message, random);
        const body = random.oneIn(8)
          ? mutateFrame(mutated, random).body
          : Buffer.from(toFrame(0, mutated));
        const headers = { "content-type": "application/grpc", te: "trailers" };
        const answer = readAnswer(await wire.exchange({ path, headers, body }));
        count(counter, answer, {
          sent: `${path} ${body}`,
          how: path,
          isOfLibrary: true,
        });
      });
    } finally {
      wire.close();
    }
  },
};

const paths = [
  "/grpc.health.v1.Health/Check",
  "/grpc.health.v1.Health/List",
  "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
  "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
];

const names = [
  ...["", ...serviceNames, "nobody"],
  ...["llmprices/v1/charge.proto", "llmprices.v1.CalculateChargeRequest", ".llmprices.v1"],
  ...hostileTexts.map((text) => toWellFormed(text)),
];

function healthRequest(random: Random): Buffer {
  const request = create(HealthCheckRequestSchema, { service: random.pick(names) });
  return Buffer.from(toBinary(HealthCheckRequestSchema, request));
}

/** Makes a request with the fields of grpc/reflection/v1/reflection.proto. */
function reflectionRequest(random: Random): Buffer {
  const writer = new BinaryWriter();
  if (random.oneIn(3)) writer.tag(1, 2).string("localhost");
  const field = random.integer(3, 7);
  if (field === 5) {
    writer.tag(5, 2).fork().tag(1, 2).string(random.pick(names));
    writer.tag(2, 0).int32(random.integer(-1, 1000)).join();
  } else {
    writer.tag(field, 2).string(random.pick(names));
  }
  return Buffer.from(writer.finish());
}

const callsPerRound = 3000;
const concurrency = 24;
