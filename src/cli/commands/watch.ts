import { type Connection, withConnection } from "../client/client.js";
import type { ConnectionFlags } from "../client/client-settings.js";
import { watchChanges } from "../client/watch-changes.js";
import { createChangeLines } from "../output/change-lines.js";
import { type OutputFormat, print } from "../output/print.js";

export type WatchFlags = ConnectionFlags & {
  readonly output: OutputFormat;
  readonly since?: bigint;
};

/**
 * Prints each change of the price book when it has been committed, until SIGINT or SIGTERM.
 *
 * @throws Failure when the service cannot be reached at the start, or rejects the call.
 */
export async function runWatch(flags: WatchFlags): Promise<void> {
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => stop.abort());
  const { signal } = stop;
  const toLines = createChangeLines(flags.output);
  await withConnection(flags, async (connection) => {
    const afterBookVersion = flags.since ?? (await readNewestVersion(connection, signal));
    if (afterBookVersion === undefined) return;
    const options = { afterBookVersion, signal, onConnectionLost: reportLostConnection };
    for await (const changes of watchChanges(connection, options)) {
      // An empty message would print the table's header with columns of the wrong width.
      if (changes.length > 0) await print(toLines(changes));
    }
  });
}

/** Returns undefined when the signal aborts. */
async function readNewestVersion(
  { pricing }: Connection,
  signal: AbortSignal,
): Promise<bigint | undefined> {
  try {
    const { bookVersion } = await pricing.listLLMPrices({ pageSize: 1 }, { signal });
    return bookVersion;
  } catch (error) {
    if (signal.aborted) return undefined;
    throw error;
  }
}

function reportLostConnection({ message }: Error): void {
  process.stderr.write(`llmprices: the connection is lost, trying again: ${message}\n`);
}
