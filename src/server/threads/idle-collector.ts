import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/**
 * Collects garbage after large calls. V8 collects it only when a thread allocates more, so a thread
 * without calls would keep the memory of its last ones.
 */
export type IdleCollector = {
  readonly callStarts: () => void;
  /** `peakBytes` is the most memory that the call has held. */
  readonly callEnds: (peakBytes: number) => void;
};

export function createIdleCollector(): IdleCollector {
  let open = 0;
  let bytesSince = 0;
  let timer: NodeJS.Timeout | undefined;
  const collect = () => {
    bytesSince = 0;
    collectGarbage();
  };
  return {
    callStarts: () => {
      open += 1;
      clearTimeout(timer);
    },
    callEnds: (peakBytes) => {
      open -= 1;
      bytesSince += peakBytes;
      // Before the call gives back its memory: the next one would take it a second time.
      if (peakBytes >= largeBytes) collect();
      if (open === 0 && bytesSince >= worthwhileBytes) timer = setTimeout(collect, idleMs).unref();
    },
  };
}

// The flag only adds the function to new contexts.
setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;
const largeBytes = 64 * 2 ** 20;
const worthwhileBytes = 8 * 2 ** 20;
const idleMs = 2000;
