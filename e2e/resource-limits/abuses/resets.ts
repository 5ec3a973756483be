import { PricingService } from "../../../src/gen/llmprices/v1/pricing_service_pb.js";
import { toFrame } from "../../../src/server/connect/error-response.js";
import { pathOf } from "../../../src/server/threads/offloaded-methods.js";
import {
  beginning,
  callHeaders,
  endHeaders,
  endStream,
  frameType,
  headerBlock,
  http2Frame,
} from "../../support/http2-frames.js";
import type { Abuse, AbuseContext } from "../abuse.js";
import { batch } from "../abuser/messages.js";
import { send, sendRepeatedly, withConnections } from "../abuser/raw-connections.js";

/** Calls that are reset at once (CVE-2023-44487). */
export const resetAbuses: readonly Abuse[] = [
  {
    name: "resets",
    what: "calls without a token that are reset at once",
    run: (context) => floodListeners(context, undefined, Buffer.alloc(0)),
  },
  {
    name: "resets-with-token",
    what: "batches with a token that are reset at once",
    run: (context) => {
      const message = Buffer.from(toFrame(0, batch(100)));
      return floodListeners(context, context.tokens.calculate, message);
    },
  },
];

function floodListeners(context: AbuseContext, token: string | undefined, message: Buffer) {
  const block = headerBlock([
    ...callHeaders(pathOf(PricingService.method.batchCalculateCharges)),
    ...(token === undefined ? [] : [["authorization", `Bearer ${token}`] as const]),
  ]);
  const flood = (address: AbuseContext["grpc"]) =>
    withConnections(context, address, 10, async (socket) => {
      await send(socket, beginning).catch(() => {});
      await sendRepeatedly((round) => {
        const calls = Array.from({ length: callsTogether }, (_, i) => {
          const stream = 2 * (round * callsTogether + i) + 1;
          return [
            http2Frame(frameType.headers, endHeaders, stream, block),
            ...(message.length > 0 ? [http2Frame(frameType.data, endStream, stream, message)] : []),
            http2Frame(frameType.reset, 0, stream, Buffer.from([0, 0, 0, i % errorCodes])),
          ];
        });
        return send(socket, Buffer.concat(calls.flat()));
      });
    });
  return Promise.all([flood(context.grpc), flood(context.http)]);
}

const callsTogether = 20;
/** All of RFC 9113, section 7. */
const errorCodes = 14;
