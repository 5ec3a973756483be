import type { ReserveBytes } from "../../../domain/charges/account-lookup.js";
import { RepricedSums } from "../../../domain/charges/repriced-sums.js";
import { invalidField } from "../../../domain/domain-error.js";
import type { CalculateChargeRequest } from "../../../gen/llmprices/v1/pricing_service_pb.js";
import type { Grouping } from "../../messages/reprice/reprice-request.js";
import type { FailedLine, RepricedLine } from "./reprice-lines.js";

/** What is known of a group, and its sums. Names that lines of a group do not share are empty. */
export type RepricedGroup = {
  readonly accountId: string;
  readonly chargeType: string;
  readonly provider: string;
  readonly model: string;
  readonly currencyCode: string;
  readonly sums: RepricedSums;
};

/** A line of the report, by its number in the stream. */
export type Numbered<T> = { readonly line: number; readonly result: T };
export type FailedRequest = FailedLine & {
  readonly reference: string;
  readonly accountId: string;
};

/** Adds up repriced lines. Its memory depends on the number of groups only. */
export class RepriceReport {
  readonly groups = new Map<string, RepricedGroup>();
  /** By currency. */
  readonly totals = new Map<string, RepricedSums>();
  /** The first ones. */
  readonly changedLines: Numbered<RepricedLine>[] = [];
  readonly failedLines: Numbered<FailedRequest>[] = [];
  readonly counts = { lines: 0, changed: 0, errors: 0, newlyPriced: 0, noLongerPriced: 0 };
  readonly #grouping: Grouping;
  readonly #maxGroups: number;
  readonly #reserve: ReserveBytes;

  constructor(grouping: Grouping, maxGroups: number, reserve: ReserveBytes) {
    this.#grouping = grouping;
    this.#maxGroups = maxGroups;
    this.#reserve = reserve;
  }

  /** @throws DomainError when there are too many groups, or no memory for another one. */
  add(request: CalculateChargeRequest, result: RepricedLine | FailedLine): void {
    const line = this.counts.lines;
    this.counts.lines += 1;
    if ("error" in result) this.#addFailed(line, request, result);
    else this.#addRepriced(line, result);
  }

  #addRepriced(line: number, result: RepricedLine): void {
    const { book, draft, currencyCode } = result;
    const isChanged = book !== draft;
    const charge = { bookCharge: book.charge, draftCharge: draft.charge, isChanged };
    this.#groupOf(result).sums.add(charge);
    this.#totalsOf(currencyCode).add(charge);
    if (!isChanged) return;
    this.counts.changed += 1;
    if (this.changedLines.length === maxChangedLines) return;
    this.#reserve(bytesPerKeptLine);
    this.changedLines.push({ line, result });
  }

  #addFailed(line: number, request: CalculateChargeRequest, failed: FailedLine): void {
    this.counts.errors += 1;
    if (failed.side === "book") this.counts.newlyPriced += 1;
    if (failed.side === "draft") this.counts.noLongerPriced += 1;
    if (this.failedLines.length === maxLineErrors) return;
    this.#reserve(bytesPerKeptLine);
    const names = { reference: toShort(request.reference), accountId: toShort(request.accountId) };
    this.failedLines.push({ line, result: { ...failed, ...names } });
  }

  #groupOf({ key: lineKey, currencyCode }: RepricedLine): RepricedGroup {
    const { byAccount, byKey } = this.#grouping;
    const accountId = byAccount ? lineKey.accountId : "";
    const key = byKey ? lineKey : noKey;
    // No part has a line feed.
    const name = `${accountId}\n${key.chargeType}\n${key.provider}\n${key.model}\n${currencyCode}`;
    const known = this.groups.get(name);
    if (known !== undefined) return known;
    if (this.groups.size === this.#maxGroups) {
      const allowed = `at most ${this.#maxGroups} (MAX_ALLOCATION_ACCOUNTS)`;
      throw invalidField("lines", `has more groups than allowed: ${allowed}`);
    }
    this.#reserve(bytesPerGroup + 4 * name.length);
    const { chargeType, provider, model } = key;
    const group: RepricedGroup = {
      ...{ accountId, chargeType, provider, model, currencyCode, sums: new RepricedSums() },
    };
    this.groups.set(name, group);
    return group;
  }

  #totalsOf(currencyCode: string): RepricedSums {
    const known = this.totals.get(currencyCode);
    if (known !== undefined) return known;
    const sums = new RepricedSums();
    this.totals.set(currencyCode, sums);
    return sums;
  }
}

/** Cuts a text that may be invalid. Copies it, because a part would keep the whole text in memory. */
function toShort(text: string): string {
  return Buffer.from(text.slice(0, maxNameLength)).toString();
}

const maxNameLength = 255;
const noKey = { chargeType: "", provider: "", model: "" };
const maxChangedLines = 1000;
const maxLineErrors = 100;

/** Of the objects of a group, two decimals among them. */
const bytesPerGroup = 640;
/** Of a line with long names, and its prices or its error. */
const bytesPerKeptLine = 8192;
