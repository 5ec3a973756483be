/** The memory of a call, as a part of the memory of all large calls. */
export type CallMemory = {
  /**
   * Takes bytes before they are allocated, or gives back a negative number of them. The end of the
   * call gives back the rest.
   *
   * @throws DomainError MEMORY_EXHAUSTED when there is no memory left.
   */
  readonly reserve: (bytes: number) => void;
};

/** For calls that are small. */
export const unlimitedMemory: CallMemory = { reserve: () => {} };
