/**
 * Moves the `count` first items in the order of `compare` to the front, in no order among
 * themselves: Hoare's quickselect, in linear time on average. The median of three as the pivot keeps
 * it so for input that is sorted already.
 */
export function selectFirst(
  items: Uint32Array,
  count: number,
  compare: (a: number, b: number) => number,
): void {
  let left = 0;
  let right = items.length - 1;
  while (left < right) {
    const pivot = medianOfThree(items, left, right, compare);
    let low = left;
    let high = right;
    while (low <= high) {
      while (compare(items[low] as number, pivot) < 0) low += 1;
      while (compare(items[high] as number, pivot) > 0) high -= 1;
      if (low > high) break;
      swap(items, low, high);
      low += 1;
      high -= 1;
    }
    // Up to `high` nothing comes after the pivot, from `low` on nothing before it.
    if (count - 1 <= high) right = high;
    else if (count >= low + 1) left = low;
    else return;
  }
}

function medianOfThree(
  items: Uint32Array,
  left: number,
  right: number,
  compare: (a: number, b: number) => number,
): number {
  const a = items[left] as number;
  const b = items[(left + right) >>> 1] as number;
  const c = items[right] as number;
  const [low, high] = compare(a, b) <= 0 ? [a, b] : [b, a];
  if (compare(c, low) <= 0) return low;
  return compare(c, high) >= 0 ? high : c;
}

function swap(items: Uint32Array, a: number, b: number): void {
  const kept = items[a] as number;
  items[a] = items[b] as number;
  items[b] = kept;
}
