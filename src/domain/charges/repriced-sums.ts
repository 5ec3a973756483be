import { Decimal, toPlainText } from "../decimal.js";

/** The charge of one line at the price book and at a draft. */
export type RepricedCharge = {
  readonly bookCharge: Decimal;
  readonly draftCharge: Decimal;
  /** Whether the draft applies another price row. */
  readonly isChanged: boolean;
};

/** Exact sums of charges in one currency. */
export class RepricedSums {
  #book = zero;
  #difference = zero;
  #lines = 0;
  #changedLines = 0;

  add({ bookCharge, draftCharge, isChanged }: RepricedCharge): void {
    this.#book = this.#book.plus(bookCharge);
    this.#lines += 1;
    if (!isChanged) return;
    this.#difference = this.#difference.plus(draftCharge.minus(bookCharge));
    this.#changedLines += 1;
  }

  /** Returns the sums as decimals without trailing zeros, and the numbers of lines. */
  sum() {
    return {
      bookCharge: toPlainText(this.#book),
      draftCharge: toPlainText(this.#book.plus(this.#difference)),
      difference: toPlainText(this.#difference),
      lineCount: BigInt(this.#lines),
      changedLineCount: BigInt(this.#changedLines),
    };
  }
}

const zero = new Decimal(0);
