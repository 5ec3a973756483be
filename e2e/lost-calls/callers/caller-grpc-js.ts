import { fromBinary, toBinary } from "@bufbuild/protobuf";
import * as grpc from "@grpc/grpc-js";
import { call } from "../../../bench/support/calls.js";
import { PricingService } from "../../../src/gen/llmprices/v1/pricing_service_pb.js";
import { callAgain } from "./call-again.js";

/* Calls again and again until its standard input ends: ADDRESS CHARGE WORST_CHARGE WORST_ALLOCATION. */

const [address = "", ...requests] = process.argv.slice(2);
const client = new grpc.Client(address, grpc.credentials.createInsecure());
const { calculateCharge, allocateCharges } = PricingService.method;
const send = (method: typeof calculateCharge | typeof allocateCharges, request: Uint8Array) =>
  call(client, method, Buffer.from(request), { deadline: Date.now() + 10_000 });

await callAgain(
  {
    calculateCharge: async (request) => {
      const response = await send(calculateCharge, toBinary(calculateCharge.input, request));
      return fromBinary(calculateCharge.output, response).accountCharge;
    },
    allocateCharges: (request) => send(allocateCharges, toBinary(allocateCharges.input, request)),
    toFailure: (error) => {
      const { code, details, metadata } = error as grpc.ServiceError;
      const [status = ""] = metadata.get("grpc-status-details-bin");
      return { code, status: Buffer.from(status), text: details };
    },
  },
  requests,
);
