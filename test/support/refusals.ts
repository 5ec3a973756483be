import { ConnectError } from "@connectrpc/connect";
import { BadRequestSchema, ErrorInfoSchema } from "../../src/gen/google/rpc/error_details_pb.js";

/** All that a caller sees of a refused call. */
export type Refusal = {
  readonly code: number;
  readonly message: string;
  readonly reason: string | undefined;
  readonly domain: string | undefined;
  readonly metadata: Readonly<Record<string, string>>;
  /** The fields of the BadRequest, in order. */
  readonly fields: readonly string[];
  readonly descriptions: readonly string[];
};

/** Waits for a call that must be refused. */
export async function refusalOf(call: Promise<unknown>): Promise<Refusal> {
  const answered = await call.then(
    (answer) => ({ answer }),
    (error: unknown) => ({ error: ConnectError.from(error) }),
  );
  if ("answer" in answered) {
    throw new Error("expected a refusal, got an answer", { cause: answered.answer });
  }
  const { error } = answered;
  const [info] = error.findDetails(ErrorInfoSchema);
  const violations = error.findDetails(BadRequestSchema).flatMap((each) => each.fieldViolations);
  return {
    code: error.code,
    message: error.rawMessage,
    reason: info?.reason,
    domain: info?.domain,
    metadata: info?.metadata ?? {},
    fields: violations.map(({ field }) => field),
    descriptions: violations.map(({ description }) => description),
  };
}
