/** Prints one answer: what was done, and what was seen. */
export function printStep(step: string, ...seen: readonly (string | undefined)[]): void {
  console.log(`${step}: ${seen.join(", ")}`);
}
