import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fromBinary } from "@bufbuild/protobuf";
import {
  type AllocateChargesRequest,
  AllocateChargesRequestSchema,
  type CalculateChargeRequest,
  CalculateChargeRequestSchema,
} from "../../../src/gen/llmprices/v1/pricing_service_pb.js";

/** How a client library makes the calls, and what it says about those that fail. */
export type Calls = {
  /** Returns the charge of the response. */
  readonly calculateCharge: (request: CalculateChargeRequest) => Promise<string>;
  readonly allocateCharges: (request: AllocateChargesRequest) => Promise<unknown>;
  readonly toFailure: (error: unknown) => {
    readonly code: number;
    /** The encoded status of the service. Empty: the error has none. */
    readonly status: Uint8Array;
    readonly text: string;
  };
};

/**
 * Makes two calls that fail, and then calls again and again, 8 at a time, until standard input ends. `requests`
 * in hexadecimal: the charge, the charge that fails and the allocation that fails.
 */
export async function callAgain(calls: Calls, requests: readonly string[]): Promise<never> {
  const [charge, worstCharge, worstAllocation] = requests.map((hex) => Buffer.from(hex, "hex"));
  let sent = 0;
  let right = 0;
  const print = (error: unknown) => {
    const { code, status, text } = calls.toFailure(error);
    const columns = [status, text].map((each) => Buffer.from(each).toString("hex"));
    console.log(["failed", code, ...columns].join("\t"));
  };
  const callRepeatedly = async () => {
    const request = fromBinary(CalculateChargeRequestSchema, charge ?? new Uint8Array());
    for (;;) {
      sent += 1;
      const cost = sent;
      request.providerCost = String(cost);
      try {
        const accountCharge = await calls.calculateCharge(request);
        if (accountCharge === String(2 * cost)) right += 1;
        else console.log(`wrong\t${cost}\t${accountCharge}`);
      } catch (error) {
        print(error);
        await sleep(20);
      }
    }
  };
  const worst = fromBinary(CalculateChargeRequestSchema, worstCharge ?? new Uint8Array());
  await calls.calculateCharge(worst).catch(print);
  const allocation = fromBinary(AllocateChargesRequestSchema, worstAllocation ?? new Uint8Array());
  await calls.allocateCharges(allocation).catch(print);
  for (let i = 0; i < 8; i += 1) void callRepeatedly();
  for await (const _ of createInterface(process.stdin)) console.log(`right\t${right}`);
  process.exit(0);
}
