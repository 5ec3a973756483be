import {
  firstSlot,
  type MemoryTable,
  mainSlot,
  noCaller,
  openSlot,
  sumBytes,
} from "./memory-table.js";

/** One budget of memory for all large calls. Each caller may have at most half of it. */
export type MemoryBudget = {
  /** For the threads. */
  readonly table: MemoryTable;
  /** @throws DomainError MEMORY_EXHAUSTED when there is no memory for another call. */
  readonly open: (caller: string) => OpenCallMemory;
  /** Counts bytes of a response that the main thread is sending, until the returned function. */
  readonly holdResponse: (bytes: number) => () => void;
  readonly inUseBytes: () => number;
  readonly limitBytes: number;
};

/** The memory of an open call. */
export type OpenCallMemory = {
  /** For the thread that serves the call. */
  readonly slot: number;
  /**
   * Takes memory for what the main thread holds of the request, or gives back negative bytes. Counts
   * nothing after `close`.
   *
   * @throws DomainError MEMORY_EXHAUSTED
   */
  readonly reserve: (bytes: number) => void;
  /** Gives back all that the call holds, in whatever way it has ended. */
  readonly close: () => void;
};

/**
 * Creates a budget for at most `maxCalls` calls at a time. The main thread gives each call two slots of
 * the table. The thread of the call writes into one what the call holds there, and the main thread into
 * the other, so that nothing is lost with a thread: the main thread empties both.
 */
export function createMemoryBudget(limitBytes: number, maxCalls: number): MemoryBudget {
  const maxSlots = 2 * maxCalls;
  const slots = new SharedArrayBuffer((maxSlots + 1) * 2 * Int32Array.BYTES_PER_ELEMENT);
  const view = new Int32Array(slots);
  const table = { limitBytes, slots };
  const free: number[] = [];
  let usedSlots = 0;
  const callers = createCallerNumbers();
  let responseBytes = 0;
  const countResponse = (bytes: number) => {
    responseBytes += bytes;
    Atomics.store(view, mainSlot * 2, Math.ceil(responseBytes / 1024));
  };
  /** Returns the first of two slots. */
  const takeSlots = (caller: number): number => {
    const slot = free.pop() ?? firstSlot + usedSlots;
    if (slot > maxSlots) throw new Error("every slot for calls is taken");
    usedSlots = Math.max(usedSlots, slot + 1);
    // Of the main thread's slot: sums need not read the slots that no call has had.
    Atomics.store(view, mainSlot * 2 + 1, usedSlots);
    for (const each of [slot, slot + 1]) Atomics.store(view, each * 2 + 1, caller);
    return slot;
  };
  const emptySlots = (slot: number) => {
    for (const each of [slot, slot + 1]) {
      Atomics.store(view, each * 2, 0);
      Atomics.store(view, each * 2 + 1, noCaller);
    }
    free.push(slot);
  };
  return {
    ...{ table, limitBytes },
    open: (caller) => {
      const number = callers.add(caller);
      const slot = takeSlots(number);
      const memoryHere = openSlot(table, slot + 1);
      let isClosed = false;
      const reserve = (bytes: number) => {
        if (!isClosed) memoryHere.reserve(bytes);
      };
      const close = () => {
        isClosed = true;
        emptySlots(slot);
        callers.remove(caller);
      };
      try {
        openSlot(table, slot).reserve(baseBytes);
      } catch (error) {
        close();
        throw error;
      }
      return { slot, reserve, close };
    },
    holdResponse: (bytes) => {
      countResponse(bytes);
      return () => countResponse(-bytes);
    },
    inUseBytes: () => sumBytes(view),
  };
}

/** Numbers the callers that have calls. */
function createCallerNumbers() {
  const known = new Map<string, { readonly number: number; calls: number }>();
  let last = noCaller;
  return {
    add: (caller: string): number => {
      const found = known.get(caller);
      if (found === undefined) {
        last = (last % maxNumber) + 1;
        known.set(caller, { number: last, calls: 1 });
        return last;
      }
      found.calls += 1;
      return found.number;
    },
    remove: (caller: string): void => {
      const found = known.get(caller);
      if (found === undefined) return;
      found.calls -= 1;
      if (found.calls === 0) known.delete(caller);
    },
  };
}

const maxNumber = 2 ** 31 - 1;

/** What each call takes: its port, its streams and a chunk of its body in either thread. */
const baseBytes = 128 * 1024;
