/**
 * Returns the options of a statement that each connection prepares once, under this name. PostgreSQL takes
 * longer to plan such a statement than to run it, and all writers wait while the price book is locked.
 *
 * Name the columns of the result: after a migration, `*` would have others, and the statement would fail.
 */
export function prepared(name: string): { readonly name: string } {
  return { name };
}
