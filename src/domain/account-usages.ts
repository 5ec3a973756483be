/** What accounts have used, in the order in which they were added; each account once. */
export class AccountUsages {
  readonly #accountIds: string[] = [];
  readonly #units: bigint[] = [];
  readonly #known = new Set<string>();
  #totalUnits = 0n;

  /** How many accounts there are. */
  get count(): number {
    return this.#accountIds.length;
  }

  /** The sum of all usages, in units of 10^-9. */
  get totalUnits(): bigint {
    return this.#totalUnits;
  }

  has(accountId: string): boolean {
    return this.#known.has(accountId);
  }

  /** Adds an account that is not there yet, with its usage in units of 10^-9. */
  add(accountId: string, units: bigint): void {
    this.#known.add(accountId);
    this.#accountIds.push(accountId);
    this.#units.push(units);
    this.#totalUnits += units;
  }

  accountIdAt(index: number): string {
    return this.#accountIds[index] as string;
  }

  /** The usage of the account at `index`, in units of 10^-9. */
  unitsAt(index: number): bigint {
    return this.#units[index] as bigint;
  }
}
