import { Presets, SingleBar } from "cli-progress";

/** How far a command is. A person sees a bar, a log some lines, and neither is in the output. */
export type Progress = {
  readonly update: (done: { readonly rows: number; readonly part?: number }) => void;
  /** What is being done now, when it is no longer rows that come or go. */
  readonly say: (stage: string) => void;
  readonly stop: () => void;
};

export type ProgressOptions = {
  /** What is done to rows, for example `sent`. */
  readonly verb: string;
  /** What `part` grows to, be it bytes or rows. Undefined: nobody knows, and rows alone are shown. */
  readonly total: number | undefined;
  readonly isQuiet: boolean;
};

/** A bar on a terminal, else a line for every ten thousand rows: on standard error, or `stream`. */
export function createProgress(
  options: ProgressOptions,
  stream: NodeJS.WriteStream = process.stderr,
): Progress {
  if (options.isQuiet) return { update: () => {}, say: () => {}, stop: () => {} };
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
      // What is done to the terminal would stay so when the command is interrupted.
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
    say: (stage) => bar.update({ stage }),
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
  const say = (stage: string) => stream.write(`${verb} ${formatCount(last)} rows, ${stage}\n`);
  return { update, say, stop: () => {} };
}

/** 15,921: people count digits badly. */
export function formatCount(count: number | bigint): string {
  return count.toLocaleString("en-US");
}

const firstStep = 10_000;
