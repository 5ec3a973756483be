/** Settles as `work` does, or resolves to `onTimeout()` when `work` takes longer than `limitMs`. */
export async function withTimeout<T>(
  work: Promise<T>,
  limitMs: number,
  onTimeout: () => T,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<T>((resolve) => {
    timer = setTimeout(() => resolve(onTimeout()), limitMs);
  });
  try {
    return await Promise.race([work, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
