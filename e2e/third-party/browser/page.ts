import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createConnectTransport, createGrpcWebTransport } from "@connectrpc/connect-web";
import { ErrorInfoSchema } from "../../../src/gen/google/rpc/error_details_pb.js";
import { PricingService } from "../../../src/gen/llmprices/v1/pricing_service_pb.js";

/** What a page saw of a call: the charge, or the error and its details decoded. */
export type Seen =
  | { readonly accountCharge: string }
  | {
      readonly code: string;
      readonly message: string;
      readonly reason: string | undefined;
      readonly metadata: Readonly<Record<string, string>> | undefined;
    };

const transports = {
  "Connect-Web": (baseUrl: string) => createConnectTransport({ baseUrl }),
  "Connect-Web, binary": (baseUrl: string) =>
    createConnectTransport({ baseUrl, useBinaryFormat: true }),
  "Connect-Web, GET": (baseUrl: string) => createConnectTransport({ baseUrl, useHttpGet: true }),
  "gRPC-Web": (baseUrl: string) => createGrpcWebTransport({ baseUrl }),
};

export type WebProtocol = keyof typeof transports;

/** Calculates a charge as a page does: with a token and a deadline. */
export async function calculate(
  protocol: WebProtocol,
  baseUrl: string,
  model: string,
): Promise<Seen> {
  const client = createClient(PricingService, transports[protocol](baseUrl));
  try {
    const { accountCharge } = await client.calculateCharge(
      {
        chargeType: "completion",
        provider: "anthropic",
        model,
        providerCost: "1000.00",
        usageRatio: { case: "accountUsageRatio", value: "0.25" },
      },
      { headers: { authorization: "Bearer of-a-page" }, timeoutMs: 20_000 },
    );
    return { accountCharge };
  } catch (reason) {
    const error = ConnectError.from(reason);
    const [info] = error.findDetails(ErrorInfoSchema);
    return {
      code: Code[error.code],
      message: error.rawMessage,
      reason: info?.reason,
      metadata: info?.metadata,
    };
  }
}

// For the program that drives the page.
Object.assign(globalThis, { calculate });
