/**
 * The V8 flags that the service is started with. They are in the command line of the image, of `npm start`, of
 * the command `llmprices` (its first line) and of cluster workers: a flag that is set while V8 runs
 * takes effect only in part, and one that a worker thread sets holds for the whole process.
 * NODE_OPTIONS does not take this one.
 *
 * `--no-allocation-site-pretenuring`: after one slow moment V8 would allocate objects of calls in the
 * old generation, where only a full garbage collection frees them, and all that they lead to: 12 % of
 * allocations survived instead of 0.3 %.
 */
export const v8Flags: readonly string[] = ["--no-allocation-site-pretenuring"];

/** Returns the options of Node for a process that serves, with the flags that are missing in them. */
export function addV8Flags(nodeOptions: readonly string[]): string[] {
  return [...nodeOptions, ...missingV8Flags(nodeOptions)];
}

/** Returns the flags that a process was started without. */
export function missingV8Flags(nodeOptions: readonly string[] = process.execArgv): string[] {
  return v8Flags.filter((flag) => !nodeOptions.includes(flag));
}
