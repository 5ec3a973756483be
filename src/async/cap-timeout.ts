/** Returns the smaller of a timeout and a limit. An undefined timeout means no timeout. */
export function capTimeout(timeoutMs: number | undefined, limitMs: number): number {
  return Math.min(timeoutMs ?? limitMs, limitMs);
}
