import { durationMs } from "@bufbuild/protobuf/wkt";
import { ConnectError } from "@connectrpc/connect";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  RetryInfoSchema,
} from "../../src/gen/google/rpc/error_details_pb.js";

/** The error of a call, as the client receives it. */
export type ReceivedError = {
  readonly code: number;
  readonly message: string;
  readonly reason: string | undefined;
  readonly domain: string | undefined;
  readonly metadata: Readonly<Record<string, string>>;
  /** The fields of the BadRequest, in order. */
  readonly fields: readonly string[];
  readonly descriptions: readonly string[];
  /** The delay before a retry, if the error has RetryInfo. */
  readonly retryAfterMs?: number;
};

/** Waits for a call that must fail, and returns its error. @throws Error when the call succeeds. */
export async function errorOf(call: Promise<unknown>): Promise<ReceivedError> {
  const outcome = await call.then(
    (response) => ({ response }),
    (error: unknown) => ({ error: ConnectError.from(error) }),
  );
  if ("response" in outcome) {
    throw new Error("expected an error, got a response", { cause: outcome.response });
  }
  const { error } = outcome;
  const [info] = error.findDetails(ErrorInfoSchema);
  const [retry] = error.findDetails(RetryInfoSchema);
  const violations = error.findDetails(BadRequestSchema).flatMap((each) => each.fieldViolations);
  return {
    code: error.code,
    message: error.rawMessage,
    reason: info?.reason,
    domain: info?.domain,
    metadata: info?.metadata ?? {},
    fields: violations.map(({ field }) => field),
    descriptions: violations.map(({ description }) => description),
    ...(retry?.retryDelay && { retryAfterMs: durationMs(retry.retryDelay) }),
  };
}

/**
 * Returns invalid page tokens made from a genuine one: other bytes, other JSON, and forgeries with
 * the genuine token's digest of the filters.
 */
export function garbageTokens(genuine: string): string[] {
  const encode = (value: string) => Buffer.from(value).toString("base64url");
  const [digest, after] = JSON.parse(Buffer.from(genuine, "base64url").toString());
  const json = ["x", "null", "1", "{}", "[]", "[[]]", '["x"]', "[".repeat(100_000)];
  const positions = [
    ...[null, [], "x", {}, [null], [...after, "x"], after.map(() => 1), after.map(() => ["x"])],
    ...[after.map(() => "\0"), after.map(() => "é"), after.map(() => "x".repeat(256))],
  ];
  const times = ["now", 1.5, 1e300, -1e300, {}, [], true];
  return [
    ...[" ", "\0", "x", "null", "é", `${genuine.slice(0, 8)}\0`, genuine.slice(0, -8)],
    ...json.map(encode),
    encode(JSON.stringify(["another list", after, null])),
    ...positions.map((position) => encode(JSON.stringify([digest, position, null]))),
    ...times.map((time) => encode(JSON.stringify([digest, after, time]))),
  ];
}
