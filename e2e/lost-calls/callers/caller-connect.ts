import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { ConnectError, createClient } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport } from "@connectrpc/connect-node";
import { retrying } from "../../../examples/typescript-connect/src/channel.js";
import { StatusSchema } from "../../../src/gen/google/rpc/status_pb.js";
import { PricingService } from "../../../src/gen/llmprices/v1/pricing_service_pb.js";

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
const { calculateCharge, allocateCharges } = PricingService.method;
const [charge, worstCharge, worstAllocation] = requests.map((hex) => Buffer.from(hex, "hex"));

let sent = 0;
let right = 0;

async function callRepeatedly(): Promise<void> {
  const request = fromBinary(calculateCharge.input, charge ?? new Uint8Array());
  for (;;) {
    sent += 1;
    const cost = sent;
    request.providerCost = String(cost);
    try {
      const { accountCharge } = await pricing.calculateCharge(request, { timeoutMs: 10_000 });
      if (accountCharge === String(2 * cost)) right += 1;
      else console.log(`wrong\t${cost}\t${accountCharge}`);
    } catch (error) {
      printFailure(error);
      await sleep(20);
    }
  }
}

function printFailure(error: unknown): void {
  const { code, rawMessage, details, cause } = ConnectError.from(error);
  const received = details.flatMap((each) =>
    "desc" in each ? [] : [{ typeUrl: `type.googleapis.com/${each.type}`, value: each.value }],
  );
  const status = create(StatusSchema, { code, message: rawMessage, details: received });
  const bytes = received.length === 0 ? "" : toBinary(StatusSchema, status);
  const text = cause === undefined ? rawMessage : `${rawMessage}, caused by ${cause}`;
  const [hex, textHex] = [bytes, text].map((each) => Buffer.from(each).toString("hex"));
  console.log(`failed\t${code}\t${hex}\t${textHex}`);
}

const worst = fromBinary(calculateCharge.input, worstCharge ?? new Uint8Array());
await pricing.calculateCharge(worst).catch(printFailure);
const allocation = fromBinary(allocateCharges.input, worstAllocation ?? new Uint8Array());
await pricing.allocateCharges(allocation).catch(printFailure);
for (let i = 0; i < 8; i += 1) void callRepeatedly();
for await (const _ of createInterface(process.stdin)) console.log(`right\t${right}`);
process.exit(0);
