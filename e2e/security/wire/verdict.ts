import { ErrorReason } from "../../../src/gen/llmprices/v1/error_reason_pb.js";
import { errorDomain } from "../../../src/rpc/errors/to-connect-error.js";
import type { Counter } from "../attack.js";
import type { Answer, Failure } from "./answer.js";

/** The allowed responses to an attempt, in addition to those that the contract always allows. */
export type Expectations = {
  /** The request, which a response may quote. */
  readonly sent: string;
  /** A description of the attempt. */
  readonly how: string;
  /** Returns what is wrong with a response that is no error. */
  readonly whyWrong?: (messages: readonly Buffer[]) => string | undefined;
  /** Returns whether the deadline is too short. */
  readonly mayBeLate?: () => boolean;
  /** Whether closing the stream or connection is enough, because the request is malformed. */
  readonly mayBeLost?: boolean;
  /** Whether a library implements the service: its errors have no details. */
  readonly isOfLibrary?: boolean;
};

/** Counts a response: an error as promised, a correct answer, or anything else. */
export function count(counter: Counter, answer: Answer, expectations: Expectations): void {
  const { how, sent } = expectations;
  const problem = findProblem(answer, expectations);
  if (problem !== undefined) counter.other(`${how}: ${problem}`, sent);
  else if ("messages" in answer) counter.answered();
  else counter.rejected();
}

function findProblem(answer: Answer, expectations: Expectations): string | undefined {
  if ("messages" in answer) return expectations.whyWrong?.(answer.messages);
  if ("lost" in answer) return expectations.mayBeLost ? undefined : `no answer: ${answer.lost}`;
  const { sent } = expectations;
  if ("status" in answer) {
    const { status, text } = answer;
    return status < 400 || status > 499 ? `HTTP ${status}: ${text}` : findLeak(text, sent);
  }
  return findBrokenPromise(answer, expectations) ?? findLeak(answer.text, sent);
}

/** Codes for which the service itself is to blame, and errors without a reason. */
function findBrokenPromise(failure: Failure, expectations: Expectations): string | undefined {
  const { code, message, reason, domain } = failure;
  const shown = `${code}: ${message.replaceAll(/"(?:[^"\\]|\\.)*"|\d+/g, "…").slice(0, 150)}`;
  if (lateCodes.has(code) && (reason === undefined || lateReasons.has(reason))) {
    return expectations.mayBeLate?.() ? undefined : shown;
  }
  // A version that the service does not have yet.
  if (reason === "BOOK_BEHIND") return undefined;
  if (ownFaults.has(code)) return shown;
  if (reason === undefined) {
    return expectations.isOfLibrary ? undefined : `${shown}, without ErrorInfo`;
  }
  if (domain !== errorDomain || !(reason in ErrorReason)) return `${shown}, of ${domain}/${reason}`;
  return undefined;
}

/** Text that a response must not contain, unless the request did. */
function findLeak(text: string, sent: string): string | undefined {
  // An escaped control character ends in letters, which are none of the text's.
  const plain = text.replaceAll(/\\+u[0-9a-f]{4}/gi, " ");
  for (const [found] of plain.matchAll(secrets)) {
    if (!sent.includes(found)) return `it discloses internals: ${found}`;
  }
  return undefined;
}

const secrets = new RegExp(
  [
    /\b(?:select [^\n]{1,80} from|insert into|update "?\w+"? set|delete from) \w+/,
    /\b(?:llm_price_revisions|llm_prices|price_book|charge_types|request_ids)\b[ "(.]/,
    /syntax error at|violates|duplicate key|relation "|invalid byte sequence|pg_\w+/,
    /node_modules|dist\/src|node:internal|knex|\bat \S+ \(|\.[jt]s:\d+|\/(?:work|root|home|tmp)\//,
    /canary-[a-z]+/,
  ]
    .map(({ source }) => source)
    .join("|"),
  "gi",
);
const ownFaults: ReadonlySet<string> = new Set(["internal", "unknown", "data_loss", "unavailable"]);
const lateCodes: ReadonlySet<string> = new Set(["deadline_exceeded", "unavailable"]);
const lateReasons: ReadonlySet<string> = new Set(["DEADLINE_EXCEEDED"]);
