/** Limits how often something happens: `burst` times at once, and then `perSecond` times a second. */
export type TokenBucket = {
  /** Takes tokens, by default one. Returns false if there are too few. */
  readonly take: (count?: number) => boolean;
};

export function createTokenBucket(
  burst: number,
  perSecond: number,
  now: () => number = () => performance.now(),
): TokenBucket {
  let tokens = burst;
  let countedAtMs = now();
  return {
    take: (count = 1) => {
      const nowMs = now();
      tokens = Math.min(burst, tokens + ((nowMs - countedAtMs) * perSecond) / 1000);
      countedAtMs = nowMs;
      if (tokens < count) return false;
      tokens -= count;
      return true;
    },
  };
}
