import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { type DescMethod, fromBinary, toBinary } from "@bufbuild/protobuf";
import * as grpc from "@grpc/grpc-js";
import { same } from "../../../bench/support/calls.js";
import { PricingService } from "../../../src/gen/llmprices/v1/pricing_service_pb.js";
import { pathOf } from "../../../src/server/threads/offloaded-methods.js";

/* Calls again and again until its standard input ends: ADDRESS CHARGE WORST_CHARGE WORST_ALLOCATION. */

const [address = "", ...requests] = process.argv.slice(2);
const [charge, worstCharge, worstAllocation] = requests.map((hex) => Buffer.from(hex, "hex"));
const client = new grpc.Client(address, grpc.credentials.createInsecure());
const { calculateCharge, allocateCharges } = PricingService.method;
const call = (method: DescMethod, request = Buffer.alloc(0)) =>
  new Promise<Buffer>((resolve, reject) => {
    const options = { deadline: Date.now() + 10_000 };
    client.makeUnaryRequest(pathOf(method), same, same, request, options, (error, response) =>
      response === undefined ? reject(error) : resolve(response),
    );
  });

let sent = 0;
let right = 0;

async function callRepeatedly(): Promise<void> {
  const request = fromBinary(calculateCharge.input, charge ?? Buffer.alloc(0));
  for (;;) {
    sent += 1;
    const cost = sent;
    request.providerCost = String(cost);
    try {
      const answer = await call(
        calculateCharge,
        Buffer.from(toBinary(calculateCharge.input, request)),
      );
      const { accountCharge } = fromBinary(calculateCharge.output, answer);
      if (accountCharge === String(2 * cost)) right += 1;
      else console.log(`wrong\t${cost}\t${accountCharge}`);
    } catch (error) {
      printFailure(error as grpc.ServiceError);
      await sleep(20);
    }
  }
}

function printFailure({ code, details, metadata }: grpc.ServiceError): void {
  const [bytes = ""] = metadata.get("grpc-status-details-bin");
  const [hex, text] = [bytes, details].map((each) => Buffer.from(each).toString("hex"));
  console.log(`failed\t${code}\t${hex}\t${text}`);
}

await call(calculateCharge, worstCharge).catch(printFailure);
await call(allocateCharges, worstAllocation).catch(printFailure);
for (let i = 0; i < 8; i += 1) void callRepeatedly();
for await (const _ of createInterface(process.stdin)) console.log(`right\t${right}`);
process.exit(0);
