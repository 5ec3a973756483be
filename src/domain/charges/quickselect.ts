/**
 * Moves the first `count` items in the order of `compare` to the front, unsorted, with Hoare's
 * quickselect. Random pivots make the expected time linear for every input. With another choice of
 * pivots an attacker could send items for which the time is quadratic.
 */
export function quickselect(
  items: Uint32Array,
  count: number,
  compare: (a: number, b: number) => number,
): void {
  let left = 0;
  let right = items.length - 1;
  while (left < right) {
    const pivot = items[left + Math.floor(Math.random() * (right - left + 1))] as number;
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
    // No item up to `high` sorts after the pivot, and no item from `low` on sorts before it.
    if (count - 1 <= high) right = high;
    else if (count >= low + 1) left = low;
    else return;
  }
}

function swap(items: Uint32Array, a: number, b: number): void {
  const first = items[a] as number;
  items[a] = items[b] as number;
  items[b] = first;
}
