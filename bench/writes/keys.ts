/** A key whose price is written. */
export type BenchKey = { readonly id: string; readonly model: string };

/** The number of concurrent writers. Each writes to its own key. */
export const writers = 8;
