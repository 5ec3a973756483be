import { create, toBinary } from "@bufbuild/protobuf";
import { ConnectError, createClient } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport } from "@connectrpc/connect-node";
import { retrying } from "../../../examples/typescript-connect/src/channel.js";
import { StatusSchema } from "../../../src/gen/google/rpc/status_pb.js";
import { PricingService } from "../../../src/gen/llmprices/v1/pricing_service_pb.js";
import { callAgain } from "./call-again.js";

/*
 * Calls again and again until its standard input ends: PROTOCOL ADDRESS CHARGE WORST_CHARGE
 * WORST_ALLOCATION. With `retrying` it makes calls as the example does.
 */

const [protocol = "", address, ...requests] = process.argv.slice(2);
const baseUrl = `http://${address}`;
const transports: Readonly<Record<string, () => ReturnType<typeof createGrpcTransport>>> = {
  grpc: () => createGrpcTransport({ baseUrl }),
  http1: () => createConnectTransport({ baseUrl, httpVersion: "1.1" }),
  http2: () => createConnectTransport({ baseUrl, httpVersion: "2" }),
  retrying: () => createConnectTransport({ baseUrl, httpVersion: "2", interceptors: [retrying] }),
};
const transport = transports[protocol]?.();
if (transport === undefined) throw new Error(`no such protocol: ${protocol}`);
const pricing = createClient(PricingService, transport);

await callAgain(
  {
    calculateCharge: async (request) =>
      (await pricing.calculateCharge(request, { timeoutMs: 10_000 })).accountCharge,
    allocateCharges: (request) => pricing.allocateCharges(request, { timeoutMs: 10_000 }),
    toFailure: (error) => {
      const { code, rawMessage, details, cause } = ConnectError.from(error);
      const received = details.flatMap((each) =>
        "desc" in each ? [] : [{ typeUrl: `type.googleapis.com/${each.type}`, value: each.value }],
      );
      const status = create(StatusSchema, { code, message: rawMessage, details: received });
      return {
        code,
        status: received.length === 0 ? new Uint8Array() : toBinary(StatusSchema, status),
        text: cause === undefined ? rawMessage : `${rawMessage}, caused by ${cause}`,
      };
    },
  },
  requests,
);
