import { DomainError } from "../../domain/domain-error.js";
import type { CallMemory } from "../../rpc/call/call-memory.js";

/** The memory that calls hold, in memory that the main thread and all worker threads share. */
export type MemoryTable = {
  readonly limitBytes: number;
  /**
   * Two 32-bit numbers for each slot: the KiB that its call holds, and the number of its caller. The
   * slot of the main thread has the number of the highest slot that was used.
   */
  readonly slots: SharedArrayBuffer;
};

/** The memory of a call that one thread works on. */
export type ThreadCallMemory = CallMemory & {
  /** The most that the call has held. */
  readonly peakBytes: () => number;
  /** Rejects what a handler that outlives its call still reserves. */
  readonly close: () => void;
};

/** The slot of what the main thread itself holds. */
export const mainSlot = 0;

/** The slots of calls begin here. Each call has two, side by side: of its thread and of the main thread. */
export const firstSlot = 1;

/** The number of no caller. */
export const noCaller = 0;

/** Returns the memory of the call that has a slot. Only one thread may use a slot at a time. */
export function openSlot(table: MemoryTable, slot: number): ThreadCallMemory {
  const view = new Int32Array(table.slots);
  let held = readSlot(view, slot);
  let peak = held;
  let isClosed = false;
  const store = (bytes: number) => Atomics.store(view, slot * 2, Math.ceil(bytes / unitBytes));
  return {
    reserve: (bytes) => {
      if (isClosed && bytes > 0) throw new DomainError("CANCELLED", "the call has ended");
      if (isClosed) return;
      store(held + bytes);
      const problem = bytes > 0 ? findProblem(table, view, slot, bytes) : undefined;
      if (problem !== undefined) {
        store(held);
        throw problem;
      }
      held += bytes;
      peak = Math.max(peak, held);
    },
    peakBytes: () => peak,
    close: () => {
      isClosed = true;
    },
  };
}

/** Returns the bytes in use, of one caller or of all. */
export function sumBytes(view: Int32Array, caller?: number): number {
  const usedSlots = Atomics.load(view, mainSlot * 2 + 1);
  let sum = caller === undefined ? readSlot(view, mainSlot) : 0;
  for (let slot = firstSlot; slot <= usedSlots; slot += 1) {
    if (caller !== undefined && Atomics.load(view, slot * 2 + 1) !== caller) continue;
    sum += readSlot(view, slot);
  }
  return sum;
}

/** Returns what a call holds in both of its slots. */
function readCall(view: Int32Array, slot: number): number {
  const isFirst = (slot - firstSlot) % 2 === 0;
  return readSlot(view, slot) + readSlot(view, isFirst ? slot + 1 : slot - 1);
}

function readSlot(view: Int32Array, slot: number): number {
  return Atomics.load(view, slot * 2) * unitBytes;
}

/** Returns why the call of a slot, which has been given `asked` bytes, cannot have them. */
function findProblem(
  { limitBytes }: MemoryTable,
  view: Int32Array,
  slot: number,
  asked: number,
): DomainError | undefined {
  const share = Math.floor(limitBytes / 2);
  const heldByCaller = sumBytes(view, Atomics.load(view, slot * 2 + 1));
  if (heldByCaller > share) {
    const ofCaller = { asked, held: heldByCaller - asked, most: share, isShare: true };
    return memoryExhausted(ofCaller, readCall(view, slot) > share);
  }
  const held = sumBytes(view);
  if (held <= limitBytes) return undefined;
  return memoryExhausted({ asked, held: held - asked, most: limitBytes, isShare: false }, false);
}

/** Says what was asked, what is in use and the limit. A call that is too large alone cannot retry. */
function memoryExhausted(
  { asked, held, most, isShare }: { asked: number; held: number; most: number; isShare: boolean },
  isTooLargeAlone: boolean,
): DomainError {
  const limit = `${most} (${isShare ? "half of BULK_MEMORY_BYTES, for one caller" : "BULK_MEMORY_BYTES"})`;
  const holders = isShare ? "the large calls of this caller" : "all large calls";
  const message = isTooLargeAlone
    ? `the call needs more memory than it can have: ${asked} bytes beside ${held}, of ${limit}; ` +
      "nothing was written; send less in one call"
    : `the call needs ${asked} bytes of memory, and ${holders} hold ${held} of ${limit}; ` +
      "nothing was written; wait a moment and try again";
  return new DomainError("MEMORY_EXHAUSTED", message, {
    metadata: {
      limit: "BULK_MEMORY_BYTES",
      ...{ most: String(most), in_use: String(held), asked: String(asked) },
      retryable: String(!isTooLargeAlone),
    },
  });
}

const unitBytes = 1024;
