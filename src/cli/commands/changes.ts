import { withConnection } from "../client/client.js";
import type { ConnectionFlags } from "../client/client-settings.js";
import { pagesOfChanges } from "../client/list-all.js";
import { createChangeLines } from "../output/change-lines.js";
import { type OutputFormat, print } from "../output/print.js";

export type ChangesFlags = ConnectionFlags & {
  readonly output: OutputFormat;
  readonly since?: bigint;
};

/** Prints the changes of the price book after a version, by default all of them. @throws Failure */
export async function runChanges(flags: ChangesFlags): Promise<void> {
  const toLines = createChangeLines(flags.output);
  await withConnection(flags, async (connection) => {
    for await (const changes of pagesOfChanges(connection, flags.since ?? 0n)) {
      await print(toLines(changes));
    }
  });
}
