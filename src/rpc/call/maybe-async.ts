/** Maps a value at once, or a promise when it resolves. Creates no promise for a value. */
export function mapMaybePromise<T, R>(
  value: T | Promise<T>,
  map: (value: T) => R | Promise<R>,
): R | Promise<R> {
  return value instanceof Promise ? value.then(map) : map(value);
}
