import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { Instant } from "../../domain/instant.js";
import type { Key } from "../../domain/price-key.js";
import type { PriceRow } from "./price-rows.js";

/** The revisions of a key that one version of the price book says, ascending by their start. */
export type Timeline = { readonly key: Key; readonly revisions: readonly Step[] };

/** A price from an instant on. Undefined: the price ends. */
export type Step = { readonly effectiveFrom: Instant; readonly price: string | undefined };

/** Converts timelines to rows of a price list. */
export type ToRows = (timeline: Timeline, now: Instant) => readonly PriceRow[];

/** Returns the whole timeline. */
export const toHistoryRows: ToRows = ({ key, revisions }) =>
  revisions.map((step) => toRow(key, step));

/** Returns the price in effect, with its start, and the scheduled revisions. */
export const toOpenRows: ToRows = ({ key, revisions }, now) => {
  const { current, scheduled } = split(revisions, now);
  const steps = current?.price === undefined ? scheduled : [current, ...scheduled];
  return steps.map((step) => toRow(key, step));
};

/**
 * Returns rows that bring this timeline back: the price in effect without its start, so that it is
 * to be in effect from the import on, and the scheduled revisions. If a price is only scheduled, a
 * first row says that there is none yet.
 */
export const toStateRows: ToRows = ({ key, revisions }, now) => {
  const { current, scheduled } = split(revisions, now);
  if (current?.price === undefined && scheduled.length === 0) return [];
  const first = { ...key, ...toPriceOrEnd(current?.price) };
  return [first, ...scheduled.map((step) => toRow(key, step))];
};

function split(revisions: readonly Step[], now: Instant) {
  const begun = revisions.filter(({ effectiveFrom }) => effectiveFrom <= now);
  return { current: begun.at(-1), scheduled: revisions.slice(begun.length) };
}

function toRow(key: Key, { price, effectiveFrom }: Step): PriceRow {
  return { ...key, ...toPriceOrEnd(price), effectiveFrom: timestampFromMs(effectiveFrom) };
}

function toPriceOrEnd(price: string | undefined) {
  return price === undefined ? { ends: true } : { price };
}
