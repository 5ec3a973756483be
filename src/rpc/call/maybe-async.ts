/** Does work with a value: at once where it is known, else when it comes. */
export function mapMaybePromise<T, R>(
  value: T | Promise<T>,
  work: (value: T) => R | Promise<R>,
): R | Promise<R> {
  return value instanceof Promise ? value.then(work) : work(value);
}
