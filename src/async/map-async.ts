/** Maps each item of an iterable as it arrives. */
export async function* mapAsync<T, R>(
  items: AsyncIterable<T> | Iterable<T>,
  map: (item: T) => R,
): AsyncGenerator<R, undefined> {
  for await (const item of items) yield map(item);
}
