import { create, equals, fromBinary, toBinary } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { ErrorInfoSchema } from "../../src/gen/google/rpc/error_details_pb.js";
import type { Status } from "../../src/gen/google/rpc/status_pb.js";
import { PricingService } from "../../src/gen/llmprices/v1/pricing_service_pb.js";
import { pathOf } from "../../src/server/threads/offloaded-methods.js";
import type { Endpoint } from "../../test/support/service.js";
import type { Failure } from "./failure.js";

/** A request to which the service sends one of its longest errors. */
export type WorstRequest = {
  readonly what: string;
  readonly path: string;
  readonly message: Uint8Array;
};

const key = { chargeType: "completion", provider: "acme" };
/** 255 characters, each of which percent-encoding makes three times as long. */
const longModel = (i: number) => `${String(i).padStart(5, "0")}${"%".repeat(250)}`;

const time = timestampFromDate(new Date("2026-01-01T00:00:00Z"));

/** Writes prices of models with long names, which the error about a missing one suggests. */
export async function writeLongNames({ catalog, pricing }: Endpoint): Promise<void> {
  for (let i = 0; i < 21; i += 1) {
    const model = longModel(i);
    await catalog.createModel({ provider: key.provider, name: model });
    await pricing.createLLMPrice({ ...key, model, price: "1", effectiveFrom: time });
  }
}

const { calculateCharge, allocateCharges } = PricingService.method;

/** In the order in which callers send them. */
export const worstRequests: readonly WorstRequest[] = [
  {
    what: "a missing price with long neighbours",
    path: pathOf(calculateCharge),
    message: toBinary(
      calculateCharge.input,
      create(calculateCharge.input, {
        ...{ ...key, model: longModel(99), providerCost: "1" },
        usageRatio: { case: "accountUsageRatio", value: "1" },
        // The error has it. Without it, each call would have another time.
        asOf: time,
      }),
    ),
  },
  {
    what: "many wrong accounts",
    path: pathOf(allocateCharges),
    message: toBinary(
      allocateCharges.input,
      create(allocateCharges.input, {
        terms: { ...key, model: longModel(1), providerCost: "1", currencyCode: "USD" },
        accountUsages: Array.from({ length: 30 }, () => ({
          ...{ accountId: `${"😀".repeat(254)}\n`, usage: "😀" },
        })),
      }),
    ),
  },
];

/** The error that the service sends to a request. */
export type SentError = Pick<Status, "message"> & {
  readonly code: string;
  readonly details: readonly { readonly type: string; readonly value: Uint8Array }[];
};

/** Sends a request over HTTP/1.1, where an error is a body without a maximum size. */
export async function fetchError(httpAddress: string, { path, message }: WorstRequest) {
  const response = await fetch(`http://${httpAddress}${path}`, {
    method: "POST",
    headers: { "content-type": "application/proto" },
    body: message,
  });
  const { code, message: text, details } = (await response.json()) as ErrorBody;
  return {
    code: code.toUpperCase(),
    message: text,
    details: details.map(({ type, value }) => ({ type, value: Buffer.from(value, "base64") })),
  };
}

type ErrorBody = {
  readonly code: string;
  readonly message: string;
  readonly details: readonly { readonly type: string; readonly value: string }[];
};

/** Returns the bytes that the message and the details take in trailers. */
export function countTrailerBytes({ message, details }: SentError): number {
  const bytes = details.reduce(
    (sum, { type, value }) => sum + "type.googleapis.com/".length + type.length + value.length,
    Buffer.byteLength(message),
  );
  return encodeURIComponent(message).length + Math.ceil((bytes * 4) / 3);
}

/** Returns what of an error a client has not received, or undefined. */
export function findLoss(sent: SentError, received: Failure | undefined): string | undefined {
  const { code, text, status } = received ?? {};
  if (code !== sent.code) return `${code}: ${text?.slice(0, 200)}`;
  if (text !== sent.message || status?.message !== sent.message) return `message ${text}`;
  const kept = status.details.map(({ typeUrl, value }) => ({
    ...{ type: typeUrl.slice(typeUrl.lastIndexOf("/") + 1), value },
  }));
  const types = (all: SentError["details"]) => all.map(({ type }) => type).join(", ");
  if (types(kept) !== types(sent.details)) return `details ${types(kept)}`;
  const [before, after] = [sent.details, kept].map(toErrorInfo);
  const isSame = before && after && equals(ErrorInfoSchema, before, after);
  return isSame ? undefined : `ErrorInfo ${JSON.stringify(after)}`;
}

function toErrorInfo(details: SentError["details"]) {
  const found = details.find(({ type }) => type === ErrorInfoSchema.typeName);
  return found && fromBinary(ErrorInfoSchema, found.value);
}
