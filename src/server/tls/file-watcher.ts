import { stat } from "node:fs/promises";

/** Records whether the files of a variable could be read when they last changed. */
export type FileMetrics = { readonly fileRead: (variable: string, isRead: boolean) => void };

/** What was read from files that may change. */
export type WatchedFiles<T> = {
  /** What they had when they could last be read. */
  readonly current: () => T;
  readonly close: () => void;
};

/** Is told when changed files have been read, or why they could not be: then the old ones count. */
export type FileListeners<T> = {
  readonly onRead: (value: T) => void;
  readonly onBroken: (error: Error) => void;
};

/**
 * Reads files, and again when one of them changes: written in place, replaced, or behind a symbolic
 * link that is set anew, as Kubernetes does with secrets. They are looked at once a second: what
 * inotify tells depends on which link of a path is replaced, and is nothing on network file systems.
 *
 * @throws what `read` throws at first.
 */
export async function watchFiles<T>(
  paths: readonly string[],
  read: () => T,
  { onRead, onBroken }: FileListeners<T>,
  intervalMs = 1000,
): Promise<WatchedFiles<T>> {
  // Before they are read: what changes meanwhile is read once more.
  let seen = await look(paths);
  let current = read();
  let isLooking = false;
  const readChanged = async () => {
    if (isLooking) return;
    isLooking = true;
    const found = await look(paths);
    isLooking = false;
    if (found === seen) return;
    seen = found;
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

/** What tells files from changed ones. */
async function look(paths: readonly string[]): Promise<string> {
  const looks = paths.map(async (path) => {
    try {
      const { dev, ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
      return [dev, ino, size, mtimeNs, ctimeNs].join();
    } catch (error) {
      return (error as NodeJS.ErrnoException).code;
    }
  });
  return (await Promise.all(looks)).join(";");
}
