/** Maps a row's number to its line in the file. */
export type LineNumbers = {
  /** Records the line of the next row. */
  readonly add: (line: number) => void;
  /** @throws RangeError for a row that has not been added. */
  readonly lineOf: (row: number) => number;
};

/** Stores only rows that are not on the line after their predecessor. Most files have few. */
export function createLineNumbers(): LineNumbers {
  const steps: { readonly row: number; readonly line: number }[] = [];
  let rows = 0;
  let expected = Number.NaN;
  const add = (line: number) => {
    if (line !== expected) steps.push({ row: rows, line });
    rows += 1;
    expected = line + 1;
  };
  const lineOf = (row: number) => {
    const step = row < rows ? steps.findLast((each) => each.row <= row) : undefined;
    if (step === undefined) throw new RangeError(`there is no row ${row} of ${rows}`);
    return step.line + row - step.row;
  };
  return { add, lineOf };
}
