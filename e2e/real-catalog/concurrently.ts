/** Works through all items in order, several at a time. The first error ends it. */
export async function concurrently<T>(
  items: readonly T[],
  work: (item: T, index: number) => Promise<void>,
): Promise<void> {
  // All workers share one iterator: each takes the next item when it is free.
  const entries = items.entries();
  const workThrough = async () => {
    for (const [index, item] of entries) await work(item, index);
  };
  await Promise.all(Array.from({ length: concurrency }, workThrough));
}

const concurrency = 20;
