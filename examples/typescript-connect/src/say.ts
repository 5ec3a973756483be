/** Prints one answer: what was done, and what was seen. */
export function say(step: string, ...seen: readonly (string | undefined)[]): void {
  console.log(`${step}: ${seen.join(", ")}`);
}
