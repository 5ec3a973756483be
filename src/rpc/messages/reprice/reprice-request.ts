import { create } from "@bufbuild/protobuf";
import { invalidField } from "../../../domain/domain-error.js";
import { parseAll } from "../../../domain/field-errors.js";
import { LLMPriceImportTermsSchema } from "../../../gen/llmprices/v1/llm_price_import_pb.js";
import type {
  CalculateChargeRequest,
  RepriceChargesRequest,
} from "../../../gen/llmprices/v1/pricing_service_pb.js";
import { RepriceGroupBy } from "../../../gen/llmprices/v1/reprice_pb.js";
import { parseVersion, requireReached } from "../book-version.js";
import { type ChargeRequest, parseChargeRequest } from "../charge-request.js";
import { prefixFieldPaths } from "../first-message.js";
import { type ImportRequest, parseImportRequest } from "../import/import-request.js";

/** What the lines of a group have in common. */
export type Grouping = { readonly byAccount: boolean; readonly byKey: boolean };

/** The first message of a stream, without its rows and lines. */
export type RepriceTerms = {
  readonly grouping: Grouping;
  /** How the draft would be imported. */
  readonly draft: ImportRequest;
  /** 0: any. */
  readonly minBookVersion: bigint;
};

/** @throws DomainError INVALID_FIELD with every violation. */
export function parseFirstMessage(first: RepriceChargesRequest | undefined): RepriceTerms {
  const terms = first?.draft?.terms ?? create(LLMPriceImportTermsSchema);
  return parseAll({
    grouping: () => parseGroupBy(first?.groupBy ?? RepriceGroupBy.UNSPECIFIED),
    // Guards reject a draft as they reject the import.
    draft: () =>
      prefixFieldPaths("draft.terms.", () => ({
        ...parseImportRequest(terms),
        ...{ validateOnly: false, maxChanges: 0 },
      })),
    minBookVersion: () => parseVersion("min_book_version", first?.minBookVersion ?? 0n),
  });
}

/** @throws DomainError INVALID_FIELD when a message has what only the first one may have. */
export function rejectLaterFields({ draft, groupBy, minBookVersion }: RepriceChargesRequest): void {
  const later = "is given again; allowed: in the first message only";
  if (draft?.terms !== undefined) throw invalidField("draft.terms", later);
  if (groupBy !== RepriceGroupBy.UNSPECIFIED) throw invalidField("group_by", later);
  if (minBookVersion !== 0n) throw invalidField("min_book_version", later);
}

/**
 * Parses a line, which is calculated at the version of the call.
 *
 * @throws DomainError INVALID_FIELD with every violation, or BOOK_BEHIND when the line needs a later version.
 */
export function parseLine(line: CalculateChargeRequest, bookVersion: bigint): ChargeRequest {
  const parsed = parseChargeRequest(line);
  if (parsed.bookVersion !== undefined) {
    const allowed = "none, because all lines are calculated at one version";
    throw invalidField("book_version", `is ${parsed.bookVersion}; allowed: ${allowed}`);
  }
  requireReached(bookVersion, "min_book_version", parsed.minBookVersion);
  return parsed;
}

function parseGroupBy(value: RepriceGroupBy): Grouping {
  const grouping = groupings[value];
  if (grouping !== undefined) return grouping;
  const isMissing = value === RepriceGroupBy.UNSPECIFIED;
  const problem = isMissing ? "is required in the first message" : `is ${value}`;
  throw invalidField("group_by", `${problem}; allowed: ACCOUNT, KEY or ACCOUNT_AND_KEY`);
}

const groupings: Readonly<Record<RepriceGroupBy, Grouping | undefined>> = {
  [RepriceGroupBy.UNSPECIFIED]: undefined,
  [RepriceGroupBy.ACCOUNT]: { byAccount: true, byKey: false },
  [RepriceGroupBy.KEY]: { byAccount: false, byKey: true },
  [RepriceGroupBy.ACCOUNT_AND_KEY]: { byAccount: true, byKey: true },
};
