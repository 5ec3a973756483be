import { create } from "@bufbuild/protobuf";
import { anyPack, durationFromMs } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import {
  DomainError,
  type Metadata,
  type Reason,
  type Suggestions,
} from "../../domain/domain-error.js";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  RetryInfoSchema,
} from "../../gen/google/rpc/error_details_pb.js";
import { type Status, StatusSchema } from "../../gen/google/rpc/status_pb.js";
import type { ErrorReason } from "../../gen/llmprices/v1/error_reason_pb.js";
import { LLMPriceSuggestionsSchema } from "../../gen/llmprices/v1/llm_price_pb.js";
import { type ErrorContent, fitTrailers } from "./fit-trailers.js";
import { translateConnectError } from "./translate-connect-error.js";

/** The domain of every ErrorInfo (AIP-193). */
export const errorDomain = "llmprices.v1";

/**
 * The only place that maps reasons to codes. Does not compile when a reason is missing here, in the
 * domain or in the contract.
 */
const codes = {
  INVALID_FIELD: Code.InvalidArgument,
  REQUEST_ID_REUSED: Code.InvalidArgument,
  PRICE_NOT_FOUND: Code.NotFound,
  REVISION_NOT_FOUND: Code.NotFound,
  CHARGE_TYPE_NOT_FOUND: Code.NotFound,
  PROVIDER_NOT_FOUND: Code.NotFound,
  MODEL_NOT_FOUND: Code.NotFound,
  PRICE_ALREADY_EXISTS: Code.AlreadyExists,
  RATE_CARD_NOT_FOUND: Code.NotFound,
  RATE_CARD_ALREADY_EXISTS: Code.AlreadyExists,
  RATE_MISSING: Code.FailedPrecondition,
  NAME_ALREADY_EXISTS: Code.AlreadyExists,
  ETAG_MISMATCH: Code.Aborted,
  WRITE_CONFLICT: Code.Aborted,
  KEY_AMBIGUOUS: Code.FailedPrecondition,
  REVISION_IN_EFFECT: Code.FailedPrecondition,
  STILL_REFERENCED: Code.FailedPrecondition,
  NO_USAGE: Code.FailedPrecondition,
  MALFORMED_REQUEST: Code.InvalidArgument,
  MESSAGE_TOO_LARGE: Code.ResourceExhausted,
  UNSUPPORTED: Code.Unimplemented,
  TOO_MANY_CALLS: Code.ResourceExhausted,
  MEMORY_EXHAUSTED: Code.ResourceExhausted,
  THREAD_LOST: Code.Unavailable,
  BOOK_BEHIND: Code.Unavailable,
  BOOK_CHANGED: Code.Aborted,
  IMPORT_GUARD: Code.FailedPrecondition,
  BOOK_STALE: Code.Unavailable,
  DATABASE_UNAVAILABLE: Code.Unavailable,
  TOKEN_MISSING: Code.Unauthenticated,
  TOKEN_INVALID: Code.Unauthenticated,
  TOKEN_EXPIRED: Code.Unauthenticated,
  ROLE_INSUFFICIENT: Code.PermissionDenied,
  KEY_SET_UNAVAILABLE: Code.Unavailable,
  DEADLINE_EXCEEDED: Code.DeadlineExceeded,
  STREAM_IDLE: Code.DeadlineExceeded,
  CANCELLED: Code.Canceled,
  INTERNAL: Code.Internal,
} satisfies Record<Reason, Code> & Record<ContractReason, Code>;

type ContractReason = Exclude<keyof typeof ErrorReason, "UNSPECIFIED">;

/**
 * Converts an error to what a client sees: code, message, ErrorInfo and, for invalid fields,
 * BadRequest. An error that is neither a DomainError nor Connect's becomes "internal error", with
 * its cause for the log only.
 */
export function toConnectError(error: unknown): ConnectError {
  // A handler of a stream reads messages while it runs, so it can throw Connect's own errors.
  const translated = error instanceof ConnectError ? translateConnectError(error) : error;
  if (translated === undefined && error instanceof ConnectError) return error;
  const { reason, message, metadata, violations, suggestions } = fitTrailers(
    toSendable(translated instanceof DomainError ? translated : internalError),
  );
  const details = [
    {
      desc: ErrorInfoSchema,
      value: create(ErrorInfoSchema, { reason, domain: errorDomain, metadata: { ...metadata } }),
    },
    ...(violations.length === 0
      ? []
      : [{ desc: BadRequestSchema, value: toBadRequest(violations) }]),
    ...toSuggestions(suggestions),
    ...(isOverload(reason, metadata) ? [{ desc: RetryInfoSchema, value: toRetryInfo() }] : []),
  ];
  return new ConnectError(message, codes[reason], undefined, details, error);
}

/** Converts an error to google.rpc.Status, for a line of a batch and for the trailer of gRPC. */
export function toStatusMessage(error: ConnectError): Status {
  const details = error.details.flatMap((detail) =>
    "desc" in detail ? [anyPack(detail.desc, create(detail.desc, detail.value))] : [],
  );
  return create(StatusSchema, { code: error.code, message: error.rawMessage, details });
}

/**
 * Returns an error with text that can be sent. An error quotes the names of JSON fields, which may have lone
 * surrogates: no encoding of a message has them.
 */
function toSendable(error: ErrorContent): ErrorContent {
  const { reason, message, metadata, violations, suggestions } = error;
  const text = toWellFormed(message);
  // The message has the text of all violations.
  if (text === message) return error;
  const wellFormed = violations.map(({ field, description }) => ({
    field: toWellFormed(field),
    description: toWellFormed(description),
  }));
  return { reason, message: text, metadata, violations: wellFormed, suggestions };
}

function toWellFormed(text: string): string {
  return text.replaceAll(loneSurrogates, "\ufffd");
}

const loneSurrogates = /\p{Cs}/gu;
const internalError = new DomainError("INTERNAL", "internal error");

function toSuggestions({ nearest = [], candidates = [] }: Suggestions) {
  if (nearest.length + candidates.length === 0) return [];
  const value = create(LLMPriceSuggestionsSchema, {
    nearestKeys: nearest.map((key) => ({ ...key })),
    candidateKeys: candidates.map((key) => ({ ...key })),
  });
  return [{ desc: LLMPriceSuggestionsSchema, value }];
}

/** Returns whether the call would succeed when other calls have ended. */
function isOverload(reason: Reason, { retryable }: Metadata): boolean {
  return reason === "TOO_MANY_CALLS" || (reason === "MEMORY_EXHAUSTED" && retryable === "true");
}

/** Returns a random delay, so that the rejected clients do not all retry at the same time. */
function toRetryInfo() {
  const retryDelay = durationFromMs(500 + Math.floor(Math.random() * 1000));
  return create(RetryInfoSchema, { retryDelay });
}

function toBadRequest(violations: DomainError["violations"]) {
  return create(BadRequestSchema, { fieldViolations: violations.map((each) => ({ ...each })) });
}
