import type { MessageInitShape } from "@bufbuild/protobuf";
import type { CallOptions } from "@connectrpc/connect";
import type {
  CalculateChargeRequestSchema,
  RepriceChargesRequestSchema,
  RepriceChargesResponse,
} from "../../src/gen/llmprices/v1/pricing_service_pb.js";
import {
  type RepriceDraftSchema,
  RepriceGroupBy,
  type RepriceTotals,
} from "../../src/gen/llmprices/v1/reprice_pb.js";
import { sent } from "./imports.js";
import type { Endpoint } from "./service.js";

/** A line, a draft and a message of RepriceCharges, in the form of requests. */
export type TestLine = MessageInitShape<typeof CalculateChargeRequestSchema>;
export type TestDraft = MessageInitShape<typeof RepriceDraftSchema>;
export type TestRepriceMessage = MessageInitShape<typeof RepriceChargesRequestSchema>;

/** All messages of a response, combined. */
export type Repriced = Pick<RepriceChargesResponse, "groups" | "changedLines" | "lineErrors"> & {
  readonly totals: RepriceTotals;
  readonly messages: readonly RepriceChargesResponse[];
};

/** Sends messages and collects the response. */
export async function repriceMessages(
  { pricing }: Pick<Endpoint, "pricing">,
  messages: Iterable<TestRepriceMessage> | AsyncIterable<TestRepriceMessage>,
  options: CallOptions = {},
): Promise<Repriced> {
  const stream = Symbol.asyncIterator in messages ? messages : sent([...messages]);
  const received: RepriceChargesResponse[] = [];
  for await (const each of pricing.repriceCharges(stream, options)) received.push(each);
  const totals = received.at(-1)?.totals;
  if (totals === undefined) throw new Error("RepriceCharges returned no totals");
  return {
    groups: received.flatMap(({ groups }) => groups),
    changedLines: received.flatMap(({ changedLines }) => changedLines),
    lineErrors: received.flatMap(({ lineErrors }) => lineErrors),
    ...{ totals, messages: received },
  };
}

/** Reprices lines, 500 in a message. */
export function reprice(
  endpoint: Pick<Endpoint, "pricing">,
  draft: TestDraft,
  lines: readonly TestLine[],
  groupBy = RepriceGroupBy.ACCOUNT,
): Promise<Repriced> {
  const later = Array.from({ length: Math.ceil(lines.length / 500) }, (_, i) => ({
    lines: lines.slice(i * 500, (i + 1) * 500),
  }));
  return repriceMessages(endpoint, [{ draft, groupBy }, ...later]);
}
