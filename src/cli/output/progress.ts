import { Presets, SingleBar } from "cli-progress";

/** Shows a command's progress on standard error: a bar on a terminal, lines in a log. */
export type Progress = {
  readonly update: (done: { readonly rows: number; readonly part?: number }) => void;
  /** Names the stage that follows the transfer of rows. */
  readonly showStage: (stage: string) => void;
  readonly stop: () => void;
};

export type ProgressOptions = {
  /** What happens to rows, for example `sent`. */
  readonly verb: string;
  /** The final value of `part`, in bytes or rows. Undefined: unknown, only rows are shown. */
  readonly total: number | undefined;
  readonly isQuiet: boolean;
};

/**
 * Returns a progress display on standard error, or on `stream`: a bar on a terminal. Elsewhere it
 * writes a line for every 10,000 rows and, after 100,000 rows, for every 100,000.
 */
export function createProgress(
  options: ProgressOptions,
  stream: NodeJS.WriteStream = process.stderr,
): Progress {
  if (options.isQuiet) return { update: () => {}, showStage: () => {}, stop: () => {} };
  return stream.isTTY ? createBar(options, stream) : createLines(options, stream);
}

function createBar({ verb, total }: ProgressOptions, stream: NodeJS.WriteStream): Progress {
  const known = total !== undefined && total > 0;
  const bar = new SingleBar(
    {
      stream,
      format: known
        ? "{bar} {percentage}% | {rows} rows {verb}, {stage}"
        : "{rows} rows {verb}, {stage}",
      barsize: 24,
      // Changes of the terminal's settings would remain if the command is interrupted.
      hideCursor: null,
      linewrap: true,
      clearOnComplete: false,
      gracefulExit: false,
    },
    Presets.shades_classic,
  );
  bar.start(total ?? 1, 0, { verb, rows: "0", stage: "reading" });
  return {
    update: ({ rows, part = 0 }) => bar.update(known ? part : 0, { rows: formatCount(rows) }),
    showStage: (stage) => bar.update({ stage }),
    stop: () => bar.stop(),
  };
}

function createLines({ verb }: ProgressOptions, stream: NodeJS.WriteStream): Progress {
  let next = firstStep;
  let last = 0;
  const update = ({ rows }: { readonly rows: number }) => {
    last = rows;
    if (rows < next) return;
    stream.write(`${verb} ${formatCount(rows)} rows\n`);
    while (next <= rows) next += next < 10 * firstStep ? firstStep : 10 * firstStep;
  };
  const showStage = (stage: string) =>
    stream.write(`${verb} ${formatCount(last)} rows, ${stage}\n`);
  return { update, showStage, stop: () => {} };
}

/** Formats a count with thousands separators, for example 15,921. */
export function formatCount(count: number | bigint): string {
  return count.toLocaleString("en-US");
}

const firstStep = 10_000;
