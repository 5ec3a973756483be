import { randomUUID } from "node:crypto";
import { timestampFromMs, timestampMs } from "@bufbuild/protobuf/wkt";
import type { LLMPrice } from "../../../src/gen/llmprices/v1/llm_price_pb.js";
import { importRows } from "../../../test/support/imports.js";
import { byKey, type TestKey } from "../../../test/support/prices.js";
import { toFailure } from "../../support/call-failure.js";
import type { Replica } from "../environment/replica.js";
import type { Entry, Write, WriteAnswer, WriteLog } from "./write-log.js";

/** Returns a write that creates the first price of a key, whose model is registered. */
export function createPrice(key: TestKey, price: string, requestId: string = randomUUID()): Write {
  const request = { ...key, price, requestId, reason: requestId };
  return {
    ...{ requestId, rows: [{ key, price }] },
    send: async ({ pricing }, timeoutMs) =>
      toAnswer(await pricing.createLLMPrice(request, { timeoutMs })),
  };
}

/** Returns a write that changes the price of a key, from now or from another time. */
export function updatePrice(
  key: TestKey,
  price: string,
  from?: number,
  { correctPast = false } = {},
): Write {
  const requestId = randomUUID();
  const request = {
    ...{ lookup: byKey(key), price, requestId, reason: requestId, correctPast },
    ...(from !== undefined && { effectiveFrom: timestampFromMs(from) }),
  };
  return {
    ...{ requestId, rows: [{ key, price }] },
    send: async ({ pricing }, timeoutMs) =>
      toAnswer(await pricing.updateLLMPrice(request, { timeoutMs })),
  };
}

/** Returns an import that sets one price for many keys and registers missing names. */
export function importPrice(keys: readonly TestKey[], price: string): Write {
  const requestId = randomUUID();
  const rows = keys.map((key) => ({ key, price }));
  const terms = { requestId, reason: requestId, registerMissing: true };
  return {
    ...{ requestId, rows },
    send: async (endpoint, timeoutMs) => {
      const sent = rows.map((row) => ({ ...row.key, price }));
      const answer = await importRows(endpoint, sent, terms, { timeoutMs });
      if (answer.effectiveFrom === undefined) throw new Error("an import answers its instant");
      return { version: answer.bookVersion, effectiveFrom: timestampMs(answer.effectiveFrom) };
    },
  };
}

/** Sends a write and records its outcome. */
export async function send(
  writeLog: WriteLog,
  write: Write,
  replica: Replica,
  timeoutMs: number,
): Promise<Entry> {
  const entry: Entry = { ...write, state: "sent" };
  writeLog.entries.push(entry);
  try {
    const answer = await write.send(replica.grpc, timeoutMs);
    Object.assign(entry, { state: "answered", answer });
    for (const { key } of write.rows) writeLog.known.set(key, answer);
  } catch (error) {
    const { kind, reason, message } = toFailure(error);
    entry.state = kind === "rejected" ? "rejected" : "unanswered";
    if (kind === "broken" || (kind === "rejected" && !allowed.has(reason))) {
      writeLog.violations.push(`a write was answered ${reason}: ${message}`);
    }
  }
  return entry;
}

/**
 * Reasons for which a fault may cause a valid write to be rejected: its scheduled time has passed,
 * other writers keep the price book busy, or the service is at its limit of calls.
 */
const allowed: ReadonlySet<string> = new Set(["INVALID_FIELD", "WRITE_CONFLICT", "TOO_MANY_CALLS"]);

type PriceAnswer = { readonly llmPrice?: LLMPrice | undefined; readonly bookVersion: bigint };

function toAnswer({ llmPrice, bookVersion }: PriceAnswer): WriteAnswer {
  if (llmPrice?.effectiveFrom === undefined) throw new Error("a write answers its price");
  return { version: bookVersion, effectiveFrom: timestampMs(llmPrice.effectiveFrom) };
}
