/** The usages of the accounts, in the order in which they were added. Each account occurs once. */
export class AccountUsages {
  readonly #accountIds: string[] = [];
  readonly #units: bigint[] = [];
  readonly #accountIdSet = new Set<string>();
  #totalUnits = 0n;

  /** The number of accounts. */
  get count(): number {
    return this.#accountIds.length;
  }

  /** The sum of all usages, in units of 10^-9. */
  get totalUnits(): bigint {
    return this.#totalUnits;
  }

  has(accountId: string): boolean {
    return this.#accountIdSet.has(accountId);
  }

  /** Adds a new account with its usage in units of 10^-9. Check `has` first. */
  add(accountId: string, units: bigint): void {
    this.#accountIdSet.add(accountId);
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
