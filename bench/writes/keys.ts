/** A key that is written to. */
export type BenchKey = { readonly id: string; readonly model: string };

/** How many write at a time, to a key each. */
export const writers = 8;
