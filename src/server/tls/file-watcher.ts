import { stat } from "node:fs/promises";

/** Records whether the files of a variable could be read when they last changed. */
export type FileMetrics = { readonly fileRead: (variable: string, isRead: boolean) => void };

/** The content of files that may change. */
export type WatchedFiles<T> = {
  /** Returns the content at the last successful read. */
  readonly current: () => T;
  readonly close: () => void;
};

/** Callbacks for changed files. */
export type FileListeners<T> = {
  readonly onRead: (value: T) => void;
  /** The changed files could not be read: the old content stays in use. */
  readonly onBroken: (error: Error) => void;
};

/**
 * Reads files, and reads them again when one changes: it is written in place, replaced, or reached
 * through a symbolic link that is replaced, as Kubernetes does with secrets. Polls once a second:
 * inotify's events depend on which link of a path is replaced, and do not exist on network file
 * systems.
 *
 * @throws what the first `read` throws.
 */
export async function watchFiles<T>(
  paths: readonly string[],
  read: () => T,
  { onRead, onBroken }: FileListeners<T>,
  intervalMs = 1000,
): Promise<WatchedFiles<T>> {
  // Before the read, so that a change during the read causes another one.
  let lastState = await readState(paths);
  let current = read();
  let isPolling = false;
  const readChanged = async () => {
    if (isPolling) return;
    isPolling = true;
    const state = await readState(paths);
    isPolling = false;
    if (state === lastState) return;
    lastState = state;
    try {
      const changed = read();
      // It may not be of use to a listener: then what there was before stays, too.
      onRead(changed);
      current = changed;
    } catch (error) {
      onBroken(error as Error);
    }
  };
  const timer = setInterval(() => void readChanged().catch(() => {}), intervalMs).unref();
  return { current: () => current, close: () => clearInterval(timer) };
}

/** Returns a text that differs after each change of the files. */
async function readState(paths: readonly string[]): Promise<string> {
  const states = paths.map(async (path) => {
    try {
      const { dev, ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
      return [dev, ino, size, mtimeNs, ctimeNs].join();
    } catch (error) {
      return (error as NodeJS.ErrnoException).code;
    }
  });
  return (await Promise.all(states)).join(";");
}
