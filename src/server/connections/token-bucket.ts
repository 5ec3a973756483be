/** Limits how often something happens: `burst` times at once, and then `perSecond` times a second. */
export type TokenBucket = {
  /** Takes a token. Returns false if there is none. */
  readonly take: () => boolean;
};

export function createTokenBucket(burst: number, perSecond: number): TokenBucket {
  let tokens = burst;
  let countedAtMs = performance.now();
  return {
    take: () => {
      const nowMs = performance.now();
      tokens = Math.min(burst, tokens + ((nowMs - countedAtMs) * perSecond) / 1000);
      countedAtMs = nowMs;
      if (tokens < 1) return false;
      tokens -= 1;
      return true;
    },
  };
}
